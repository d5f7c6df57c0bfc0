"""Who offers a target: found by entry point, ours as a stranger's.

A target registers an object of the shape in `protocol.py` under the group `micronet_edge.targets`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from micronet_edge.errors import TargetError
from micronet_edge.settings import Runtime
from micronet_edge.targets.protocol import SHARED, CostTable, IntegerLowering, Target

ENTRY_POINTS = "micronet_edge.targets"
_PARTS = (
    *("name", "suffix", "precisions", "check", "pipeline", "export", "open", "for_kernels"),
    *("violations", "read_metadata", "count"),
)
"""What every target must have; one that writes integer files has `quantized_graph` and `quantize` as well."""


def target_names() -> tuple[str, ...]:
    """The names of all installed targets."""
    return tuple(sorted(point.name for point in entry_points(group=ENTRY_POINTS)))


def find_target(name: str) -> Target:
    """The installed target of that name.

    Raises TargetError on a name that no installed package offers.
    """
    for point in entry_points(group=ENTRY_POINTS, name=name):
        try:
            target: Target = point.load()
        except Exception as error:  # a stranger's module can fail in any way
            raise TargetError(
                f"format {name!r} cannot be loaded from {point.value} ({error}): install its package again"
            ) from error
        if lacking := [part for part in _PARTS if not hasattr(target, part)]:
            raise TargetError(f"format {name!r} is incomplete: {point.value} lacks {', '.join(lacking)}")
        return target
    raise TargetError(f"unknown format {name!r}: choose from {', '.join(target_names())}")


def load_runtimes(
    targets: Sequence[Target], report: Callable[[str], None] | None = None
) -> tuple[Target, ...]:
    """Loads what the targets need, before any work is done that would be lost without.

    Args:
        targets: the formats.
        report: where no format was asked for by name: is told which are left out, and why.

    Returns:
        The targets whose files can be written and proven here.

    Raises:
        TargetError: where something is not installed; with a `report`, only where it is for all of them. The
            message names the formats that can be written.
    """
    missing = {target.name: error for target in targets if (error := _missing(target)) is not None}
    ready = tuple(target for target in targets if target.name not in missing)
    if report is None or not ready:
        _refuse(missing, ready)
    for name, error in missing.items():
        assert report is not None  # else all are ready
        report(f"WARNING: {name} is left out ({error}): {_advice(name)}")
    return ready


def _refuse(missing: Mapping[str, Exception], ready: Sequence[Target]) -> None:
    alone = " ".join(f"--format {target.name}" for target in ready)
    for name, error in missing.items():
        raise TargetError(
            f"format {name} cannot be written and proven ({error}): {_advice(name)}"
            + (f", or write the others alone with {alone}" if ready else "")
        ) from error


def _advice(name: str) -> str:
    return f"pip install 'micronet-edge[{name}]'"


def _missing(target: Target) -> Exception | None:
    try:
        for module in getattr(target, "modules", ()):  # strangers' targets need not say
            import_module(module)
    except Exception as error:  # noqa: BLE001 - a broken installation fails in any way
        return error
    return None


def target_of(path: Path) -> Target:
    """The target whose suffix the file has.

    Raises TargetError on a suffix that no installed target writes.
    """
    targets = list(_usable_targets())
    for target in targets:
        if path.suffix == target.suffix:
            return target
    known = ", ".join(target.suffix for target in targets)
    raise TargetError(
        f"{path}: no installed target reads {path.suffix or 'files without suffix'}: give a file ending in "
        f"{known}"
    )


def for_runtime(target: Target, runtime: Runtime) -> Target:
    """The target that writes the same format for that runtime.

    Raises TargetError on a format without files for it.
    """
    if runtime == "default":
        return target
    chosen: Callable[[Runtime], Target] | None = getattr(target, "for_runtime", None)
    if chosen is None:
        raise TargetError(
            f"format {target.name} has no files for --for {runtime}: give --format tflite alone"
        )
    return chosen(runtime)


def integer_lowering_of(targets: Sequence[Target]) -> IntegerLowering:
    """How a network becomes the one that is quantized for all of these targets.

    Raises TargetError where they quantize different networks, which one recipe cannot describe.
    """
    found = {target.name: _integer_lowering(target) for target in targets}
    first, *others = found.values()
    if any(other != first for other in others):
        own = " and ".join(name for name, each in found.items() if each != SHARED)
        raise TargetError(
            f"format {own} quantizes a network of its own, with a recipe of its own: export it alone, with "
            f"--format {own}"
        )
    return first


def _integer_lowering(target: Target) -> IntegerLowering:
    own: Callable[[], IntegerLowering] | None = getattr(target, "integer_lowering", None)
    return SHARED if own is None else own()


def cost_tables() -> Mapping[str, tuple[Target, CostTable]]:
    """The tables of costs of all installed targets by name, each with its target."""
    return {
        name: (target, table)
        for target in _usable_targets()
        for name, table in getattr(target, "cost_tables", {}).items()  # strangers' targets need not have any
    }


def _usable_targets() -> Iterator[Target]:
    for name in target_names():
        with suppress(TargetError):  # a target that cannot be loaded is no reason to refuse the others
            yield find_target(name)
