"""Runs on a device: installs packages into the folder in its first argument.

`pip install --target` also works on an externally managed system. Without pip, it uses that of a temporary
virtual environment. The folder appears whole or stays unchanged.
"""

import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

_PIP_OPTIONS = ("--no-cache-dir", "--disable-pip-version-check", "--no-input", "--progress-bar", "off")


def install(folder: Path, packages: list[str]) -> None:
    """Installs the packages into a new folder, then replaces the old one."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder.parent))
    try:
        fresh = scratch / "packages"
        done = _run([*_pip(scratch), "install", *_PIP_OPTIONS, "--target", str(fresh), "--", *packages])
        if done.returncode:
            sys.exit(done.stderr)
        if folder.is_dir():
            folder.rename(scratch / "older")
        fresh.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _pip(scratch: Path) -> list[str]:
    own = [sys.executable, "-m", "pip"]
    if _run([*own, "--version"]).returncode == 0:
        return own
    lent = scratch / "venv"
    if _run([sys.executable, "-m", "venv", str(lent)]).returncode:
        sys.exit("neither pip nor venv is available: install python3-pip on it")
    return [str(lent / "bin" / "python3"), "-m", "pip"]


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - pip and venv of the Python that runs this
        command, check=False, stdin=subprocess.DEVNULL, stdout=None, stderr=subprocess.PIPE, text=True
    )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("interrupted"))
    install(Path(sys.argv[1]), sys.argv[2:])
