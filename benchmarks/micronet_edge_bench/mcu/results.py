"""The results of microcontrollers, as a results file stores them: counts, which repeat, so no samples."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import msgspec

from micronet_edge.util.output_files import write_text
from micronet_edge.util.user_files import read_json
from micronet_edge_bench.mcu.boards import NOT_CYCLES
from micronet_edge_bench.mcu.errors import McuError
from micronet_edge_bench.mcu.flash import Flash
from micronet_edge_bench.mcu.network_source import NetworkSource
from micronet_edge_bench.mcu.report import Report, Step
from micronet_edge_bench.results import RESULTS

MCU_VERSION = 1
CYCLES = "cycles"


@dataclass(frozen=True, slots=True)
class Measured:
    """One network on one board.

    Attributes:
        file: the name of NAME.c.
        device: the board, without mcu://.
        unit: instructions of an emulator, or cycles of a real board.
        counts: one for each run, in the unit; an emulator runs once, since its count repeats.
        clock_hz: the core's clock; 0 if unknown, as an emulator has none.
        scores: a checksum of the scores for an image that is the same everywhere; None for a float network,
            whose scores may differ in their last bits.
        flash: None without a compiler, on a real board.
        tools: the compiler and the emulator.
        steps: with a profile, in a build of its own; their sum differs from `counts` a little.
    """

    file: str
    sha256: str
    device: str
    unit: str
    counts: tuple[int, ...]
    clock_hz: int
    arena_bytes: int
    stack_bytes: int | None
    scores: int | None
    flash: Flash | None
    tools: tuple[str, ...]
    steps: tuple[Step, ...] = ()

    @property
    def count(self) -> float:
        """The median of the runs, in the unit."""
        return median(self.counts)

    @property
    def kind(self) -> str:
        """What the counts are, to print beside them."""
        return NOT_CYCLES if self.unit != CYCLES else "cycles of a real board"


def measured_of(report: Report, source: NetworkSource, file: Path, device: str) -> Measured:
    """What a board's report says of a network, without flash, tools and steps."""
    return Measured(
        file=file.name,
        sha256=source.sha256,
        device=device,
        unit=report.unit,
        counts=report.counts,
        clock_hz=report.clock_hz,
        arena_bytes=report.arena_bytes,
        stack_bytes=report.stack_bytes,
        scores=report.scores if source.whole_numbers else None,
        flash=None,
        tools=(),
    )


@dataclass(frozen=True, slots=True)
class McuResults:
    """All that one call measured. `baseline` is the name of the file that ratios are taken of."""

    created: str
    tool: str
    baseline: str
    measured: tuple[Measured, ...]
    mcu_version: int = MCU_VERSION

    @property
    def devices(self) -> tuple[str, ...]:
        """The boards, each once."""
        return tuple(dict.fromkeys(each.device for each in self.measured))

    def on(self, device: str) -> tuple[Measured, ...]:
        """The files on one board."""
        return tuple(each for each in self.measured if each.device == device)

    def ratio(self, each: Measured) -> float | None:
        """The counts of the baseline on the same board divided by these; None for the baseline itself."""
        base = next((other for other in self.on(each.device) if other.file == self.baseline), None)
        return None if base is None or base is each else base.count / each.count

    def summary(self) -> dict[str, object]:
        """Plain values, with the kind of every figure and its ratio."""
        rows = [
            {"kind": each.kind, **asdict(each), "count": each.count, "ratio": self.ratio(each)}
            for each in self.measured
        ]
        return {**asdict(self), "measured": rows}


def write_mcu_results(results: McuResults, path: Path, *, overwrite: bool = False) -> None:
    """Writes a results file. Raises OutputError if that fails, and on an existing one without `overwrite`."""
    write_text(json.dumps(asdict(results), separators=(",", ":")) + "\n", path, overwrite=overwrite)


def are_mcu_results(values: object) -> bool:
    """Whether the content of a JSON file claims to be such results."""
    return isinstance(values, dict) and "mcu_version" in values


def read_mcu_results(path: Path) -> McuResults:
    """Reads a results file. Raises ResultsError or McuError on anything else."""
    values = read_json(path, RESULTS)
    if not are_mcu_results(values):
        raise McuError(f"{path} holds no results of a microcontroller: give one that --output wrote")
    try:
        results = msgspec.convert(values, McuResults)
    except msgspec.ValidationError as error:
        raise McuError(f"{path}: {error}: measure again") from error
    if results.mcu_version != MCU_VERSION:
        raise McuError(f"{path} is of version {results.mcu_version}, not {MCU_VERSION}: measure again")
    if any(not each.counts or min(each.counts) <= 0 for each in results.measured):
        raise McuError(f"{path} holds a file without a count: measure again")
    return results
