"""The results of the suite of microcontrollers as rows of Markdown tables.

Counts are instructions of an emulator, not cycles: whoever prints the rows says so beside them.
"""

from collections.abc import Callable, Iterator

from baselines.mcu_suite import CLASSES, DEVICES, NETWORKS, PEERS, SIZES, Entry
from baselines.published_accuracies import published_top1
from baselines.tflm import TFLM
from micronet_edge_bench.mcu import Measured
from micronet_edge_bench.mcu.results import McuResults

_MEGA, _KILO = 1e6, 1e3
_MISSING = "-"
_COMPARED = ("m0", "m1", "m2")
_WIDTH = 3
"""Significant digits of a figure."""


def mcu_tables(results: McuResults) -> Iterator[Iterator[str]]:
    """The rows of every table, in the order in which benchmarks/README.md has them."""
    for classes in CLASSES:
        yield instruction_rows(results, classes)
    for classes in CLASSES:
        yield ratio_rows(results, classes)
    yield memory_rows(results, CLASSES[0])
    yield tflm_rows(results)


def instruction_rows(results: McuResults, classes: int) -> Iterator[str]:
    """Network, top-1, then millions of instructions: each size on the first board, then on the next."""
    for network in NETWORKS:
        counts = [
            _cell(_found(results, Entry(network, size, classes), device), lambda each: each.count / _MEGA)
            for device in DEVICES
            for size in SIZES
        ]
        yield _row(network, f"{_top1(network):.1f}%", *counts)


def memory_rows(results: McuResults, classes: int) -> Iterator[str]:
    """Network, arena by size in kB, then on each board flash and code in kB and stack in bytes at 224 px."""
    for network in NETWORKS:
        at = [_found(results, Entry(network, size, classes), DEVICES[0]) for size in SIZES]
        cells = [_cell(each, lambda one: one.arena_bytes / _KILO) for each in at]
        for device in DEVICES:
            each = _found(results, Entry(network, SIZES[-1], classes), device)
            cells += [_cell(each, _flash), _cell(each, _code), _cell(each, lambda one: one.stack_bytes or 0)]
        yield _row(network, *cells)


def ratio_rows(results: McuResults, classes: int) -> Iterator[str]:
    """Variant, peer, both top-1, then the peer's instructions divided by the variant's."""
    for variant in _COMPARED:
        for peer in _compared_with(variant):
            ratios = []
            for device in DEVICES:
                for size in SIZES:
                    own, other = (
                        _found(results, Entry(name, size, classes), device) for name in (variant, peer)
                    )
                    ratios.append(f"{other.count / own.count:.2f}" if own and other else _MISSING)
            yield _row(variant, peer, f"{_top1(variant):.1f}%", f"{_top1(peer):.1f}%", *ratios)


def tflm_rows(results: McuResults) -> Iterator[str]:
    """Network and size, then on each board: millions quoted of TFLM, those measured here, their ratio."""
    for (network, size), quoted in TFLM.items():
        cells = []
        for device, millions in zip(DEVICES, quoted, strict=True):
            own = _found(results, Entry(network, size, CLASSES[0]), device)
            ratio = _MISSING if own is None else f"{millions * _MEGA / own.count:.1f}"
            cells += [f"{millions:.1f}", _cell(own, lambda each: each.count / _MEGA), ratio]
        yield _row(network, f"{size} px", *cells)


def _compared_with(variant: str) -> list[str]:
    """Of each family the best peer that is no more accurate, or else its least accurate one."""
    found = []
    for family in ("mobilenet", "pp-lcnet"):
        peers = sorted((peer for peer in PEERS if peer.startswith(family)), key=_top1)
        fair = [peer for peer in peers if _top1(peer) <= _top1(variant)]
        found.append(fair[-1] if fair else peers[0])
    return found


def _top1(network: str) -> float:
    published = published_top1(network)
    assert published is not None  # a test holds this for every network of a suite
    return 100 * published[0]


def _found(results: McuResults, entry: Entry, device: str) -> Measured | None:
    return next((each for each in results.on(device) if each.file == entry.name), None)


def _flash(each: Measured) -> float:
    return 0 if each.flash is None else each.flash.total_bytes / _KILO


def _code(each: Measured) -> float:
    return 0 if each.flash is None else each.flash.code_bytes / _KILO


def _cell(each: Measured | None, figure: Callable[[Measured], float]) -> str:
    if each is None:
        return _MISSING
    value = figure(each)
    digits = len(str(int(value))) if value >= 1 else 0
    return f"{value:,.{max(0, _WIDTH - digits)}f}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
