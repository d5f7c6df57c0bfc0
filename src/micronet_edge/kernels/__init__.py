"""The library of fused kernels: Dynamic Shift-Max in one pass, for ONNX Runtime and for TFLite.

No file requires it. Two lines let a runtime use it::

    options.register_custom_ops_library(str(kernels.library()))  # onnxruntime, a file written with --fused
    Interpreter(path, experimental_delegates=[load_delegate(str(kernels.library()))])  # ai_edge_litert
"""

import platform
from pathlib import Path
from typing import Literal

from micronet_edge.util.text import plural

Kernels = Literal["auto", "off"]
"""Whether a session uses the fused kernels: where library and file allow it, or never."""

SOURCES = Path(__file__).parent / "native"
"""The CMake project of the library, to build it on or for another machine."""


def library(machine: str | None = None) -> Path | None:
    """The library for this machine, or for the machine named as by `uname -m`.

    None if it was not built, which needs a C++ compiler when this package is installed.
    """
    path = Path(__file__).parent / f"libmicronet_edge_kernels-{machine or platform.machine()}.so"
    return path if path.is_file() else None


def training_library() -> Path | None:
    """The library of training loops for this machine; None if it was not built."""
    path = Path(__file__).parent / f"libmicronet_edge_training-{platform.machine()}.so"
    return path if path.is_file() else None


def libraries() -> dict[str, Path]:
    """All built libraries, by machine, named as by `uname -m`."""
    found = Path(__file__).parent.glob("libmicronet_edge_kernels-*.so")
    return {path.stem.partition("-")[2]: path for path in sorted(found)}


def library_for(kernels: Kernels) -> Path | None:
    """The library for a session on this machine, if it uses one."""
    return library() if kernels == "auto" else None


def describe(fused: int, kernels: Kernels) -> str:
    """Describes the kernels of a session; `fused` is the number of activations in the fused kernels."""
    if kernels == "off":
        return "kernels: the runtime's own, as requested"
    if library() is None:
        return (
            "kernels: the runtime's own; the fused kernels were not built: install a C++ compiler, then "
            "this package again"
        )
    if not fused:
        return "kernels: the runtime's own; the file has no activation for the fused kernels"
    return f"kernels: fused for {plural(fused, 'Dynamic Shift-Max activation')}"
