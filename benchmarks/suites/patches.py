"""Measures the accuracy of int8 files on test crops that influenced no choice.

For every trained checkpoint of examples/patches: the float network, and files of every precision in both
formats, calibrated on the training crops; top-1 on the test part, and the paired difference to float with its
95 % interval. Writes benchmarks/results/patches.json and prints the table in the README.
"""

import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from micronet_edge.evaluation.evaluate import Evaluation, Share, evaluate
from micronet_edge.kernels import Kernels
from micronet_edge.pipeline.run import quantize
from micronet_edge.settings import EvaluateSettings, QuantizeSettings
from micronet_edge.util.output_files import write_text
from micronet_edge.util.statistics import PairedDifference
from micronet_edge.util.terminal import open_console
from micronet_edge_bench.runner.facts import environment

EXAMPLE = Path(__file__).parents[2] / "examples" / "patches"
RESULT = Path(__file__).parents[1] / "results" / "patches.json"
VARIANTS = ("m0", "m1", "m3")
FUSED = ("int8",)
"""Ways whose files also run with the fused kernels."""
WAYS = {"int8": ("int8", False), "int8, fine-tuned": ("int8", True), "int8-a16": ("int8-a16", False)}


@dataclass(frozen=True, slots=True)
class Row:
    """One file: its accuracy, its difference from float in points of top-1, and the time to make it."""

    variant: str
    way: str
    format: str
    float_top1: Share
    top1: Share
    agreement: float
    difference: PairedDifference
    size_bytes: int
    quantize_s: float


def main() -> None:
    console = open_console(err=True)
    data = _data()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for variant in VARIANTS:
            for way in WAYS:
                console.print(f"quantizing {variant}, {way}")
                rows += _rows(variant, way, Path(folder, variant, way), data)
    result = {"environment": environment(), "rows": [asdict(row) for row in rows]}
    write_text(json.dumps(result, indent=1) + "\n", RESULT, overwrite=True)
    _print(rows)


def _data() -> Path:
    sys.path.insert(0, str(EXAMPLE))
    from images import write_images  # type: ignore[import-not-found]  # beside the example, in no package

    written: Path = write_images()
    return written


def _rows(variant: str, way: str, output: Path, data: Path) -> list[Row]:
    checkpoint = EXAMPLE / f"{variant}-patches.safetensors"
    precision, tuned = WAYS[way]
    settings = QuantizeSettings(
        output=output,
        precision=precision,
        calibration=data / "calibration",
        finetune=data / "train" if tuned else None,
    )
    start = time.perf_counter()
    quantized = quantize(checkpoint, settings=settings)
    seconds = time.perf_counter() - start
    # Without the fused kernels, and with them, which quantize less.
    kinds: tuple[Kernels, ...] = ("off", "auto") if way in FUSED else ("off",)
    return [
        _row(
            variant,
            f"{way}, fused kernels" if kernels == "auto" else way,
            file.format,
            evaluate(
                file.path,
                data / "test",
                checkpoint=checkpoint,
                settings=EvaluateSettings(kernels=kernels),
            ),
            seconds,
        )
        for kernels in kinds
        for file in quantized.files
    ]


def _row(variant: str, way: str, name: str, found: Evaluation, seconds: float) -> Row:
    assert found.comparison is not None  # the call above gives a checkpoint
    return Row(
        variant,
        way,
        name,
        float_top1=found.comparison.top1,
        top1=found.top1,
        agreement=found.comparison.agreement,
        difference=found.comparison.difference,
        size_bytes=Path(found.path).stat().st_size,
        quantize_s=seconds,
    )


def _print(rows: list[Row]) -> None:
    table = Table(title="patches, 4,000 test crops")
    for heading in ("variant", "way", "format", "float", "top-1", "points (95 %)", "same class", "MB", "s"):
        table.add_column(heading)
    for row in rows:
        difference = row.difference
        table.add_row(
            row.variant,
            row.way,
            row.format,
            f"{row.float_top1.share:.2%}",
            f"{row.top1.share:.2%}",
            f"{difference.points:+z.2f} ({difference.low:+z.2f} to {difference.high:+z.2f})",
            f"{row.agreement:.2%}",
            f"{row.size_bytes / 1e6:.2f}",
            f"{row.quantize_s:.0f}",
        )
    open_console(width=120).print(table)


if __name__ == "__main__":
    main()
