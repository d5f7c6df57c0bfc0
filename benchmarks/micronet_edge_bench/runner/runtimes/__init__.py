"""The runtimes on a device, one module each; `Runtime` is their protocol.

Ours need no more than the standard library, numpy and the runtime itself, and Python 3.9 is enough. A package
that is installed on the device offers one of its own under the entry-point group `micronet_edge.runtimes`.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from micronet_edge_bench.runner.runtimes import litert, litert_compiled, onnxruntime
from micronet_edge_bench.runner.runtimes.errors import RuntimeUnusableError

if TYPE_CHECKING:
    import os

    from micronet_edge_bench.runner.runtimes.protocol import Runtime

ENTRY_POINTS = "micronet_edge.runtimes"


def runtimes() -> dict[str, Runtime]:
    """Our own runtimes, and those of installed packages that can be loaded, by the name to choose them by.

    Of several that run the same files, the first is the usual one.
    """
    ours: dict[str, Runtime] = {
        "onnxruntime": onnxruntime,
        "litert": litert,
        "litert-compiled": litert_compiled,
    }
    offered = _offered().items()
    others = {name: each for name, each in offered if not isinstance(each, str) and name not in ours}
    return {**ours, **others}


def runtime_for(path: str | os.PathLike[str], name: str | None = None) -> Runtime:
    """The runtime of that name, or else the usual one for a file, by its suffix.

    Raises RuntimeUnusableError if no runtime has that suffix, or none that name, or the one of that name
    runs other files.
    """
    suffix = Path(path).suffix.lower()
    if name is not None:
        return _named(name, suffix, path)
    for runtime in runtimes().values():
        if suffix in runtime.SUFFIXES:
            return runtime
    known = ", ".join(dict.fromkeys(suffix for runtime in runtimes().values() for suffix in runtime.SUFFIXES))
    broken = "".join(f"; {each}" for each in _offered().values() if isinstance(each, str))
    raise RuntimeUnusableError(
        f"no runtime for {path}: give a file whose name ends in one of {known}{broken}"
    )


def _named(name: str, suffix: str, path: str | os.PathLike[str]) -> Runtime:
    found = runtimes().get(name)
    if found is None:
        raise RuntimeUnusableError(f"there is no runtime {name}: choose from {', '.join(runtimes())}")
    if suffix not in found.SUFFIXES:
        takes = ", ".join(found.SUFFIXES)
        raise RuntimeUnusableError(f"{path} cannot run in {name}: it takes files that end in {takes}")
    return found


def installed() -> dict[str, str]:
    """The versions of the installed runtimes, by name."""
    versions = {}
    for runtime in runtimes().values():
        try:
            versions[runtime.NAME] = runtime.version()
        except RuntimeUnusableError:  # noqa: PERF203 - a handful at most
            continue
    return versions


@lru_cache(maxsize=1)
def _offered() -> dict[str, Runtime | str]:
    """The runtimes of installed packages by name; in the place of one that cannot be loaded, why."""
    found = metadata.entry_points()
    if hasattr(found, "select"):
        return {point.name: _loaded(point) for point in found.select(group=ENTRY_POINTS)}
    # Python 3.9 has a plain mapping.
    return {point.name: _loaded(point) for group in found if group == ENTRY_POINTS for point in found[group]}


def _loaded(point: metadata.EntryPoint) -> Runtime | str:
    try:
        runtime: Runtime = point.load()
    except Exception as error:  # noqa: BLE001 - a stranger's module can fail in any way
        return (
            f"runtime {point.name} cannot be loaded from {point.value} ({error}): install its package again"
        )
    return runtime


__all__ = ["RuntimeUnusableError", "installed", "runtime_for", "runtimes"]
