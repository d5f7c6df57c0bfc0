"""The compiled libraries: of fused kernels, and of training on a CPU."""

import ctypes
import platform
from pathlib import Path

from micronet_edge.diagnosis.finding import Finding
from micronet_edge.kernels import libraries, library, training_library

_INSTALL = "install a C++ compiler, then: pip install --force-reinstall --no-deps micronet-edge"


def find_kernels() -> list[Finding]:
    """Both libraries of this machine, and kernels for others."""
    own = platform.machine()
    found = [
        _library(f"for {own}", library(), "files run up to twice as fast here"),
        _library("for training", training_library(), "training on a CPU is faster"),
    ]
    others = {machine: path for machine, path in libraries().items() if machine != own}
    return [*found, *(Finding(f"for {machine}", "found", str(path)) for machine, path in others.items())]


def _library(name: str, path: Path | None, brings: str) -> Finding:
    if path is None:
        return Finding(name, "missing", "", brings, _INSTALL)
    try:
        ctypes.CDLL(str(path))
    except OSError as error:
        return Finding(name, "broken", str(error), brings, _INSTALL)
    return Finding(name, "found", str(path), brings)
