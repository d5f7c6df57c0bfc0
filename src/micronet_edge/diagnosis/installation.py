"""micronet-edge itself and the Python that runs it."""

import platform
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

from micronet_edge.data.metadata import DISTRIBUTION, tool_version
from micronet_edge.diagnosis.finding import Finding

OLDEST, NEWEST = (3, 11), (3, 13)
"""The releases of Python that were tried."""


def find_installation() -> list[Finding]:
    """The package and the interpreter."""
    return [_package(), _python(sys.version_info[:2])]


def _package() -> Finding:
    place = Path(__file__).resolve().parents[1]
    try:
        return Finding(DISTRIBUTION, "found", f"{tool_version()} in {place}")
    except PackageNotFoundError:
        reason = f"{place} is not installed, so its commands and formats are not found"
        return Finding(DISTRIBUTION, "broken", reason, "everything", f"pip install {DISTRIBUTION}")


def _python(version: tuple[int, int]) -> Finding:
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}"
    if not OLDEST <= version <= NEWEST:
        detail += f"; tried are {'.'.join(map(str, OLDEST))} to {'.'.join(map(str, NEWEST))}"
    return Finding("Python", "found", detail)
