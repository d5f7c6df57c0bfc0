"""The extras of this distribution, and the runtimes of files."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from micronet_edge.diagnosis.finding import Finding
from micronet_edge.util.extras import EXTRAS, Extra, advice
from micronet_edge.util.text import listed

_DISTRIBUTIONS = {"ethosu": "ethos-u-vela", "skimage": "scikit-image", "sklearn": "scikit-learn"}
"""Where a distribution is called otherwise than its package."""

_RUNTIMES = {
    "onnxruntime": ("onnxruntime", "runs ONNX files"),
    "ai_edge_litert.interpreter": ("ai-edge-litert", "runs TFLite files"),
    "tensorflow": ("tensorflow", "its interpreter runs our TFLite files as a check"),
}
_SECONDS = 60


def extras() -> list[Finding]:
    """Each extra: complete, or what of it is missing."""
    return [_extra(name, extra) for name, extra in EXTRAS.items()]


def runtimes() -> list[Finding]:
    """Each runtime of files, imported in a process of its own: a broken one may crash."""
    return [_runtime(module, *about) for module, about in _RUNTIMES.items()]


def _extra(name: str, extra: Extra) -> Finding:
    lacking = [package for package in extra.packages if find_spec(package) is None]
    brings = f"{extra.brings}; about {extra.megabytes} MB"
    if not lacking:
        held = ", ".join(_named(package) for package in extra.packages)
        return Finding(f"[{name}]", "found", held, brings)
    install = advice(f"'micronet-edge[{name}]'")
    return Finding(f"[{name}]", "missing", f"lacks {listed(lacking)}", brings, install)


def _runtime(module: str, distribution: str, brings: str) -> Finding:
    if find_spec(module.partition(".")[0]) is None:
        return Finding(distribution, "missing", "", brings, advice(distribution))
    if reason := _why_not(module):
        return Finding(
            distribution, "broken", reason, brings, f"pip install --force-reinstall {distribution}"
        )
    return Finding(distribution, "found", _named(module.partition(".")[0]), brings)


def _why_not(module: str) -> str:
    """Why a module cannot be imported; empty if it can."""
    try:
        ran = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", f"import {module}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"its import took more than {_SECONDS} s"
    said = ran.stderr.strip().splitlines()
    return "" if ran.returncode == 0 else (said[-1] if said else f"it ended with code {ran.returncode}")


def _named(package: str) -> str:
    distribution = _DISTRIBUTIONS.get(package, package.replace("_", "-"))
    try:
        return f"{distribution} {version(distribution)}"
    except PackageNotFoundError:
        return distribution
