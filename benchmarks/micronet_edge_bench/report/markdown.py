"""A suite's results as rows of Markdown tables, for README and docs."""

from collections.abc import Iterator

from micronet_edge_bench.report.text import peaks
from micronet_edge_bench.results import FileResult, Results, Run
from micronet_edge_bench.statistics import latency, ratio_in_turn

_RUNTIMES = {"onnx": "ONNX Runtime", "tflite": "LiteRT"}
_FUSED = ", fused kernels"
_FLOAT = {"float32": "", "portable float32": ", `--portable`", "float32 fused": _FUSED}
_INT8 = {"int8": "", "int8 io": ", `--io int8`", "int8 fused": _FUSED}


def family_float_rows(results: Results) -> Iterator[str]:
    """Network, runtime, naive and own milliseconds, speed-up, for float32 files."""
    for network, kind, run in _by_network(results):
        for form, option in _FLOAT.items():
            own, naive = run.file(f"{network} {form}.{kind}"), run.file(f"{network} naive float32.{kind}")
            if own is not None and naive is not None:
                cells = [_ms(naive), _ms(own), _faster(naive, own)]
                yield _row(network, f"{_RUNTIMES[kind]}{option}", *cells)


def family_int8_rows(results: Results) -> Iterator[str]:
    """Network, runtime, float32, naive and own int8 milliseconds, speed-ups, relative size."""
    for network, kind, run in _by_network(results):
        for form, option in _INT8.items():
            found = [run.file(f"{network} {each}.{kind}") for each in (form, "float32", "naive int8")]
            own, single, naive = found
            if own is not None and single is not None and naive is not None:
                times = [_ms(single), _ms(naive), _ms(own)]
                ratios = [_faster(single, own), _faster(naive, own)]
                size = f"{own.size_bytes / single.size_bytes:.2f}"
                yield _row(network, f"{_RUNTIMES[kind]}{option}", *times, *ratios, size)


def family_summary_rows(results: Results) -> Iterator[str]:
    """Network, then speed-ups over the naive file: per precision and format, without and with kernels."""
    ratios: dict[str, list[str]] = {}
    for precision in ("float32", "int8"):
        for network, kind, run in _by_network(results):
            naive = run.file(f"{network} naive {precision}.{kind}")
            for form in (precision, f"{precision} fused"):
                own = run.file(f"{network} {form}.{kind}")
                if own is not None and naive is not None:
                    faster = ratio_in_turn(naive.samples_ns, own.samples_ns).value
                    ratios.setdefault(network, []).append(f"{faster:.2f}")
    for network, cells in ratios.items():
        yield _row(network, *cells)


def compiled_model_rows(results: Results) -> Iterator[str]:
    """Network, precision, and speed-ups over LiteRT's interpreter.

    All are the same file: first in the compiled model, then in the interpreter with the fused kernels.
    """
    for network, kind, run in _by_network(results):
        for precision in ("float32", "int8"):
            names = [f"{network} {precision}{each}.{kind}" for each in ("", " fused", " compiled")]
            plain, fused, compiled = map(run.file, names)
            if plain is not None and fused is not None and compiled is not None:
                yield _row(network, precision, _faster(plain, compiled), _faster(plain, fused))


def baseline_rows(results: Results) -> Iterator[str]:
    """Network, top-1, runtime, precision, multiply-adds, milliseconds, share of peak, MicroNet's speed-up.

    The share of peak is the file's multiply-adds per second divided by those of a large matrix product.
    """
    roofs = {(file.format, file.precision): _speed(file) for file in peaks(results.runs)}
    for run in results.runs:
        first = run.files[0]
        for file in run.files:
            madds = "" if file.madds is None else f"{file.madds / 1e6:.1f} M"
            share = f"{_speed(file) / roofs[file.format, file.precision]:.0%}"
            to_first = "" if file is first else _faster(file, first)
            network = file.name.partition(" ")[0]
            top1 = "" if file.top1 is None else f"{file.top1:.1%}"
            fused = _FUSED if first.fused else ""
            form = f"{_RUNTIMES[file.format]}{fused}", str(file.precision)
            yield _row(network, top1, *form, madds, _ms(file), share, to_first)


def _by_network(results: Results) -> Iterator[tuple[str, str, Run]]:
    for run in results.runs:
        network, _, kind = run.title.partition(" ")
        yield network, kind, run


def _speed(file: FileResult) -> float:
    """Multiply-adds per nanosecond; 0 if they are unknown."""
    return (file.madds or 0) / latency(file.samples_ns).median_ns


def _ms(file: FileResult) -> str:
    return f"{latency(file.samples_ns).median_ns / 1e6:.2f}"


def _faster(baseline: FileResult, file: FileResult) -> str:
    ratio = ratio_in_turn(baseline.samples_ns, file.samples_ns)
    return f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
