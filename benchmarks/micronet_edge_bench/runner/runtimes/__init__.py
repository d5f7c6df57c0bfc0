"""The runtimes on a device, one module each; `Runtime` is their protocol.

They need only Python 3.9, the standard library, numpy and the runtime itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from micronet_edge_bench.runner.runtimes import litert, onnxruntime
from micronet_edge_bench.runner.runtimes.errors import RuntimeUnusableError

if TYPE_CHECKING:
    import os

    from micronet_edge_bench.runner.runtimes.protocol import Runtime

RUNTIMES: tuple[Runtime, ...] = (onnxruntime, litert)


def runtime_for(path: str | os.PathLike[str]) -> Runtime:
    """The runtime for a file, by its suffix.

    Raises RuntimeUnusableError if no runtime has that suffix.
    """
    suffix = Path(path).suffix.lower()
    for runtime in RUNTIMES:
        if suffix in runtime.SUFFIXES:
            return runtime
    known = ", ".join(suffix for runtime in RUNTIMES for suffix in runtime.SUFFIXES)
    raise RuntimeUnusableError(f"no runtime for {path}: give a file whose name ends in one of {known}")


def installed() -> dict[str, str]:
    """The versions of the installed runtimes, by name."""
    versions = {}
    for runtime in RUNTIMES:
        try:
            versions[runtime.NAME] = runtime.version()
        except RuntimeUnusableError:  # noqa: PERF203 - two at most
            continue
    return versions


__all__ = ["RUNTIMES", "RuntimeUnusableError", "installed", "runtime_for"]
