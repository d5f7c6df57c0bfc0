"""Measures the accuracy of int8 C files against their checkpoints, on images that influenced no choice.

    python benchmarks/suites/mcu_accuracy.py

calibrates the trained checkpoints of examples/ on their calibration or training images, and compares each C
file with its network on the test part: points of top-1 with the 95 % interval of the paired difference. Some
test crops of the patches are equal pixel for pixel, plain white or black ones, which no network can tell
apart: one decision then counts many times. So each row is given for distinct images as well. Writes
benchmarks/results/mcu_accuracy.json; some six minutes on one core.
"""

import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from micronet_edge.evaluation.evaluate import Evaluation, evaluate
from micronet_edge.pipeline.run import quantize
from micronet_edge.settings import QuantizeSettings
from micronet_edge.util.output_files import write_text
from micronet_edge.util.statistics import PairedDifference, paired_difference
from micronet_edge.util.terminal import open_console
from micronet_edge.util.user_files import file_sha256
from micronet_edge_bench.runner.facts import environment

EXAMPLES = Path(__file__).parents[2] / "examples"
RESULT = Path(__file__).parents[1] / "results" / "mcu_accuracy.json"
CHECKPOINTS = {
    "m0-patches": ("patches", "calibration"),
    "m1-patches": ("patches", "calibration"),
    "m3-patches": ("patches", "calibration"),
    "m0-digits": ("digits", "train"),
}
"""By checkpoint: the example that it belongs to, and the part that it is calibrated on."""


@dataclass(frozen=True, slots=True)
class Row:
    """One C file on all images of the test part, or on those that differ."""

    checkpoint: str
    images: int
    distinct: bool
    float_top1: float
    top1: float
    agreement: float
    difference: PairedDifference


def main() -> None:
    console = open_console(err=True)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in CHECKPOINTS:
            console.print(f"quantizing and evaluating {name}")
            rows += _rows(name, Path(folder, name))
    result = {"environment": environment(), "rows": [asdict(row) for row in rows]}
    write_text(json.dumps(result, indent=1) + "\n", RESULT, overwrite=True)
    _print(rows)


def _rows(name: str, output: Path) -> list[Row]:
    example, calibration = CHECKPOINTS[name]
    data, checkpoint = _data(example), EXAMPLES / example / f"{name}.safetensors"
    settings = QuantizeSettings(formats=("c",), output=output, calibration=data / calibration)
    (file,) = quantize(checkpoint, settings=settings).files
    found = evaluate(file.path, data / "test", checkpoint=checkpoint)
    distinct = _first_of_each(found.data.paths)
    every = np.ones(found.images, bool)
    return [_row(name, found, chosen) for chosen in ([every] if distinct.all() else [every, distinct])]


def _data(example: str) -> Path:
    folder = EXAMPLES / example
    sys.path.insert(0, str(folder))
    sys.modules.pop("images", None)  # both examples call it so
    from images import write_images  # type: ignore[import-not-found]  # beside the example, in no package

    written: Path = write_images()
    sys.path.remove(str(folder))
    return written


def _first_of_each(paths: tuple[Path, ...]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """For each file whether none before it has the same content."""
    _, first = np.unique([file_sha256(path) for path in paths], return_index=True)
    chosen = np.zeros(len(paths), bool)
    chosen[first] = True
    return chosen


def _row(name: str, found: Evaluation, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Row:
    assert found.comparison is not None  # the call above gives a checkpoint
    right = found.right[chosen]
    float_right = (found.comparison.answers == np.asarray(found.data.classes))[chosen]
    return Row(
        name,
        int(chosen.sum()),
        distinct=not chosen.all(),
        float_top1=float(float_right.mean()),
        top1=float(right.mean()),
        agreement=float((found.answers == found.comparison.answers)[chosen].mean()),
        difference=paired_difference(right, float_right),
    )


def _print(rows: list[Row]) -> None:
    table = Table(title="int8 C files on test images")
    for heading in ("checkpoint", "images", "float", "int8", "points (95 %)", "same class"):
        table.add_column(heading)
    for row in rows:
        difference = row.difference
        table.add_row(
            row.checkpoint,
            f"{row.images} distinct" if row.distinct else f"{row.images}",
            f"{row.float_top1:.2%}",
            f"{row.top1:.2%}",
            f"{difference.points:+z.2f} ({difference.low:+z.2f} to {difference.high:+z.2f})",
            f"{row.agreement:.2%}",
        )
    open_console(width=120).print(table)


if __name__ == "__main__":
    main()
