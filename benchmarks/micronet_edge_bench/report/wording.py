"""How the report writes figures, and which of its rows are what."""

from collections.abc import Iterable, Iterator

from micronet_edge_bench.results import FileResult, Results, Run
from micronet_edge_bench.statistics import Ratio

PEAK = "peak"
"""The variant of a file that was measured for the machine's peak alone: nearly nothing but multiply-adds."""

_NO_MORE_DIGITS, _SMALLEST = 99.95, 1e-3

_FORMATS = {"onnx": "ONNX", "tflite": "TFLite"}


def figure(value: float) -> str:
    """Three digits, and those before the point in any case."""
    if value >= _NO_MORE_DIGITS:
        return f"{value:,.0f}"
    return f"{value:#.3g}" if value >= _SMALLEST or value == 0 else f"{value:.1e}"


def milliseconds(nanoseconds: float) -> str:
    """Without the unit."""
    return figure(nanoseconds / 1e6)


def megabytes(size_bytes: float) -> str:
    """Without the unit."""
    return figure(size_bytes / 1e6)


def millions(count: float) -> str:
    """Without the word."""
    return figure(count / 1e6)


def per_cent(share: float) -> str:
    """A share of one, to a tenth of a hundredth."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def times(ratio: float) -> str:
    """How many times as fast, to a hundredth."""
    return f"{ratio:.2f}\N{MULTIPLICATION SIGN}"


def interval(ratio: Ratio) -> str:
    """Both ends."""
    return f"{ratio.low:.2f} to {ratio.high:.2f}"


def format_of(file: FileResult) -> str:
    """The format as its makers write it."""
    return _FORMATS.get(file.format, file.format)


def written_as(file: FileResult) -> str:
    """The precision and what else tells how a file was written, as far as it says."""
    words = ["naive"] * bool(file.naive) + ["portable"] * bool(file.portable)
    if file.precision is not None and file.input_dtype != "float32":
        words.append(f"{file.input_dtype} io")
    return ", ".join([file.precision or "precision unknown", *words])


def shown(run: Run) -> tuple[FileResult, ...]:
    """The files that were measured for their own sake."""
    return tuple(file for file in run.files if file.variant != PEAK)


def peaks(runs: Iterable[Run]) -> Iterator[FileResult]:
    """The files that were measured for the machine's peak."""
    return (file for run in runs for file in run.files if file.variant == PEAK and file.madds)


def by_device(results: Results) -> list[tuple[str, list[Run]]]:
    """The runs that hold files, by device and the results file they come from."""
    found: dict[str, list[Run]] = {}
    for run in results.runs:
        if run.files:
            found.setdefault(f"{run.device}, in {run.source}" if run.source else run.device, []).append(run)
    return list(found.items())
