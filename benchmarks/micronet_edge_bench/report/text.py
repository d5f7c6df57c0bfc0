"""Formats the report's figures, and selects its files."""

from collections.abc import Iterable, Iterator

from micronet_edge_bench.results import PEAK, FileResult, Results, Run
from micronet_edge_bench.statistics import Ratio

_NO_MORE_DIGITS, _SMALLEST = 99.95, 1e-3

_FORMATS = {"onnx": "ONNX", "tflite": "TFLite"}


def figure(value: float) -> str:
    """The value with three significant digits, or all digits before the decimal point."""
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
    """A share as per cent with one decimal."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def times(ratio: float) -> str:
    """A speed-up, to a hundredth."""
    return f"{ratio:.2f}\N{MULTIPLICATION SIGN}"


def interval(ratio: Ratio) -> str:
    """Both ends of an interval."""
    return f"{ratio.low:.2f} to {ratio.high:.2f}"


def format_of(file: FileResult) -> str:
    """The format's official spelling."""
    return _FORMATS.get(file.format, file.format)


def written_as(file: FileResult) -> str:
    """The precision and the settings of a file, as far as its metadata states them."""
    words = ["naive"] * bool(file.naive) + ["portable"] * bool(file.portable)
    if file.precision is not None and file.input_dtype != "float32":
        words.append(f"{file.input_dtype} io")
    return ", ".join([file.precision or "precision unknown", *words])


def shown(run: Run) -> tuple[FileResult, ...]:
    """The files of a run except those for the machine's peak."""
    return tuple(file for file in run.files if file.variant != PEAK)


def peaks(runs: Iterable[Run]) -> Iterator[FileResult]:
    """The files that measure the machine's peak."""
    return (file for run in runs for file in run.files if file.variant == PEAK and file.madds)


def by_device(results: Results) -> list[tuple[str, list[Run]]]:
    """The runs with files, by device and results file."""
    found: dict[str, list[Run]] = {}
    for run in results.runs:
        if run.files:
            found.setdefault(f"{run.device}, in {run.source}" if run.source else run.device, []).append(run)
    return list(found.items())
