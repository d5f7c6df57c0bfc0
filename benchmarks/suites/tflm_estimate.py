"""Estimates what files cost in TensorFlow Lite Micro on a Cortex-M4, with and without --for micro.

python benchmarks/suites/tflm_estimate.py [RESULTS.json]

First it estimates the files that a build of TensorFlow Lite Micro with CMSIS-NN was measured on, and prints
how far it is off. Only within ALLOWED is it used for the files with --for micro.
"""

import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image
from rich.table import Table

from micronet_edge import QuantizeSettings, quantize
from micronet_edge.data.photographs import photographs
from micronet_edge.settings import Runtime
from micronet_edge.util.terminal import open_console
from micronet_edge_bench.estimates.tflm import instructions, operators

MEASURED = {
    ("m0", 96): 31.9e6,
    ("m1", 96): 41.5e6,
    ("m2", 96): 101.8e6,
    ("m0", 224): 144.7e6,
    ("m1", 224): 186.2e6,
    ("m2", 224): 478.6e6,
}
"""Instructions of one inference of our int8 files, 1,000 classes, in TensorFlow Lite Micro of 2026."""

ALLOWED = 0.1
RESULTS = Path(__file__).parents[1] / "results" / "tflm_estimate.json"
_CROPS, _SIDE = 40, 256


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of a variant at an input size; `error` is that of the estimate for the usual file."""

    variant: str
    input_size: int
    measured: float
    estimated: float
    error: float
    for_micro: float
    operators: int
    by_operator: dict[str, int]


def main(results: Annotated[Path, typer.Argument()] = RESULTS) -> None:
    """Estimates every file and writes the results."""
    console = open_console(width=100)
    with tempfile.TemporaryDirectory() as folder:
        crops = _written_crops(Path(folder, "crops"))
        rows = [_row(variant, size, crops, Path(folder)) for variant, size in MEASURED]
    table = Table(title="Millions of instructions on a Cortex-M4 (of an emulator, not cycles)")
    for heading in ("", "px", "measured", "estimated", "error", "--for micro"):
        table.add_column(heading, justify="right")
    for row in rows:
        million = [f"{figure / 1e6:.1f}" for figure in (row.measured, row.estimated)]
        error, ours = f"{row.error:+z.1%}", f"{row.for_micro / 1e6:.1f}"
        table.add_row(row.variant, str(row.input_size), *million, error, ours)
    console.print(table)
    if (worst := max(abs(row.error) for row in rows)) > ALLOWED:
        raise SystemExit(f"the estimate is off by {worst:.1%}, {ALLOWED:.0%} allowed: it says nothing")
    content = {"allowed_error": ALLOWED, "largest_error": worst, "rows": [asdict(row) for row in rows]}
    results.write_text(json.dumps(content, indent=1) + "\n")


def _row(variant: str, size: int, crops: Path, folder: Path) -> Row:
    measured = MEASURED[variant, size]
    estimated = instructions(_written(variant, size, crops, folder, "default")).total()
    found = instructions(path := _written(variant, size, crops, folder, "micro"))
    return Row(
        variant=variant,
        input_size=size,
        measured=measured,
        estimated=estimated,
        error=estimated / measured - 1,
        for_micro=found.total(),
        operators=len(list(operators(path))),
        by_operator=dict(found.most_common()),
    )


def _written(variant: str, size: int, crops: Path, folder: Path, runtime: Runtime) -> Path:
    settings = QuantizeSettings(
        formats=("tflite",), input_size=size, io="int8", calibration=crops, output=folder, runtime=runtime,
        overwrite=True,
    )  # fmt: skip
    (file,) = quantize(variant, settings=settings).files
    return file.path


def _written_crops(folder: Path) -> Path:
    """Crops of the bundled photographs: no operator depends on the ranges found on them."""
    folder.mkdir()
    generator, pictures = np.random.default_rng(0), photographs()
    for place in range(_CROPS):
        with Image.open(pictures[place % len(pictures)]) as opened:
            picture = opened.convert("RGB")
        side = int(generator.integers(min(picture.size) // 3, min(picture.size)))
        left, top = (int(generator.integers(0, length - side + 1)) for length in picture.size)
        crop = picture.crop((left, top, left + side, top + side)).resize((_SIDE, _SIDE))
        crop.save(folder / f"{place}.png")
    return folder


if __name__ == "__main__":
    typer.run(main)
