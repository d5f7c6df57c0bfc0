"""The report that measure.c prints on an emulated or a real board: its lines, read and checked.

micronet-edge network m1
micronet-edge unit instructions
micronet-edge clock 0
micronet-edge arena 61440
micronet-edge count 5361234
micronet-edge scores 2495298918
micronet-edge stack 1204
micronet-edge step 48211 features/stem/conv convolution
micronet-edge guard 1
micronet-edge end 9
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from micronet_edge_bench.mcu.errors import McuError

_MARK = "micronet-edge"
_FIRST, _LAST = "network", "end"
_NUMBERS = ("clock", "arena", "count", "scores", "stack", "guard")
_TEXTS = ("network", "unit")
_ONCE = (*_TEXTS, "clock", "arena", "scores", "guard")
_MOST = 1 << 32
UNITS = ("instructions", "cycles")


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of a run takes, in the report's unit; `kind` is the kind of layer."""

    name: str
    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """One whole report.

    Attributes:
        network: the network's identifier in C.
        unit: instructions (of an emulator) or cycles (of a real board).
        clock_hz: the core's clock; 0 if unknown.
        counts: one for each run, in the unit.
        scores: a checksum of the scores for the image that every board gets.
        stack_bytes: the stack that a run takes; None if it was not measured.
        guard_is_whole: whether the bytes behind the arena are untouched.
    """

    network: str
    unit: str
    clock_hz: int
    arena_bytes: int
    counts: tuple[int, ...]
    scores: int
    stack_bytes: int | None
    guard_is_whole: bool
    steps: tuple[Step, ...]


@dataclass(slots=True)
class ReportReader:
    """Collects the lines of a report; what else comes over the line is passed over."""

    _lines: list[tuple[str, str]] = field(default_factory=list)

    def feed(self, line: str) -> Report | None:
        """Takes one line; gives the report that it completes. A damaged report is dropped."""
        mark, _, rest = line.strip().partition(" ")
        kind, _, text = rest.partition(" ")
        if mark != _MARK:
            return None
        if kind == _FIRST:
            self._lines.clear()
        self._lines.append((kind, text))
        if kind != _LAST:
            return None
        try:
            return _report(self._lines)
        except ValueError:
            return None
        finally:
            self._lines.clear()


def read_report(lines: Iterable[str], device: str) -> Report:
    """The first whole report among some lines. Raises McuError if there is none."""
    reader = ReportReader()
    for line in lines:
        if (report := reader.feed(line)) is not None:
            return report
    raise McuError(f"{device} prints no whole report: run again with --debug")


def _report(lines: list[tuple[str, str]]) -> Report:
    """Raises ValueError on lines that measure.c does not print so."""
    found: dict[str, list[str]] = {}
    for kind, text in lines:
        found.setdefault(kind, []).append(text)
    if _number(found[_LAST][0]) != len(lines):
        raise ValueError("lines are missing")
    if wrong := [kind for kind in _ONCE if len(found.get(kind, ())) != 1]:
        raise ValueError(f"one line is wanted of {wrong[0]}")
    if not found.get("count"):
        raise ValueError("no run was counted")
    (unit,) = found["unit"]
    if unit not in UNITS:
        raise ValueError(f"unknown unit {unit}")
    numbers = {kind: tuple(map(_number, found.get(kind, ()))) for kind in _NUMBERS}
    return Report(
        network=found["network"][0],
        unit=unit,
        clock_hz=numbers["clock"][0],
        arena_bytes=numbers["arena"][0],
        counts=numbers["count"],
        scores=numbers["scores"][0],
        stack_bytes=next(iter(numbers["stack"]), None),
        guard_is_whole=bool(numbers["guard"][0]),
        steps=tuple(map(_step, found.get("step", ()))),
    )


def _step(text: str) -> Step:
    count, _, names = text.partition(" ")
    name, _, kind = names.rpartition(" ")
    return Step(name or kind, kind, _number(count))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or (number := int(text)) >= _MOST:
        raise ValueError(f"{text!r} is no count")
    return number
