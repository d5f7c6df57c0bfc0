"""The library of fused kernels: Dynamic Shift-Max in one pass, for ONNX Runtime and for TFLite.

No file needs it. Where it is at hand, two lines let a runtime use it::

    options.register_custom_ops_library(str(kernels.library()))  # onnxruntime, a file written with --fused
    Interpreter(path, experimental_delegates=[load_delegate(str(kernels.library()))])  # ai_edge_litert
"""

import platform
from pathlib import Path
from typing import Literal

from micronet_edge.util.text import plural

Kernels = Literal["auto", "off"]
"""Whether a session uses the fused kernels: where they are at hand and the file lets them, or never."""

SOURCES = Path(__file__).parent / "native"
"""What the library is built from, by CMake: on another machine, or for one."""


def library(machine: str | None = None) -> Path | None:
    """The library for this machine, or for another one that it was built for, as `uname -m` calls it.

    None where it was never built, which takes a C++ compiler when this package is installed.
    """
    path = Path(__file__).parent / f"libmicronet_edge_kernels-{machine or platform.machine()}.so"
    return path if path.is_file() else None


def libraries() -> dict[str, Path]:
    """All that were built, by the machines they are for, as `uname -m` calls these."""
    found = Path(__file__).parent.glob("libmicronet_edge_kernels-*.so")
    return {path.stem.partition("-")[2]: path for path in sorted(found)}


def library_for(kernels: Kernels) -> Path | None:
    """The library that a session uses on this machine."""
    return library() if kernels == "auto" else None


def describe(fused: int, kernels: Kernels) -> str:
    """Which kernels a session runs on, for people: `fused` is the number of activations in our own."""
    if kernels == "off":
        return "kernels: the runtime's own, as asked"
    if library() is None:
        return (
            "kernels: the runtime's own; the fused ones were not built, for want of a C++ compiler: "
            "install one and this package again"
        )
    if not fused:
        return "kernels: the runtime's own; the file has no activation that the fused ones know"
    return f"kernels: fused ones for {plural(fused, 'Dynamic Shift-Max activation')}"
