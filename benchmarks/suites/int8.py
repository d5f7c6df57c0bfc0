"""How fast and how small the int8 files are, beside our own float32 files and the naive int8 ones.

Naive is what a user gets from onnx2tf's own integer conversion and from ONNX Runtime's quantize_static
with its defaults, on the network as it was trained. Random weights at 224 px with 1000 classes,
calibrated on crops of the photographs that the package carries; one thread; the files of a format
alternate within a process. A TFLite file is measured twice, taking normalized images in float32 and
taking pixels in int8. Writes benchmarks/results/int8.json and prints the table that the README
quotes.
"""

import json
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import micronet_edge
from micronet_edge.models import FAMILY
from micronet_edge.photographs import photographs
from micronet_edge.preprocessing import open_image
from micronet_edge_bench.environment import environment
from micronet_edge_bench.sampling import Samples, sample_in_fresh_process
from micronet_edge_bench.statistics import Spread, speedups, spread

PROCESSES = 3
ROUNDS = 150
FORMATS = ("onnx", "tflite")
IOS = {"onnx": ("float32",), "tflite": ("float32", "int8")}
FLOAT, NAIVE = "float32", "naive int8"
CROPS, CROP_SIZE, SEED = 64, 256, 0
RESULT = Path(__file__).parents[1] / "results" / "int8.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One int8 file beside the two it is held against: times and sizes, and how many times faster it is."""

    variant: str
    format: str
    io: str
    milliseconds: dict[str, Spread]
    size_bytes: dict[str, int]
    over_float: Spread
    over_naive: Spread
    samples_ns: dict[str, list[list[int]]]


def main() -> None:
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder:
        calibration = _write_crops(Path(folder, "crops.npy"))
        groups = {
            (variant, name): _export(variant, name, Path(folder), calibration, console)
            for variant in FAMILY
            for name in FORMATS
        }
        runs: dict[tuple[str, str], list[Samples]] = {key: [] for key in groups}
        for number in range(PROCESSES):
            for key, files in groups.items():
                console.print(f"process {number + 1} of {PROCESSES}: {' '.join(key)}")
                runs[key].append(sample_in_fresh_process(list(files.values()), ROUNDS))
        rows = [_row(*key, io, groups[key], runs[key]) for key in groups for io in IOS[key[1]]]
    result = {
        "environment": environment(),
        "threads": 1,
        "rounds": ROUNDS,
        "rows": [asdict(row) for row in rows],
    }
    RESULT.write_text(json.dumps(result, separators=(",", ":")) + "\n")
    _print(rows)


def _write_crops(path: Path) -> Path:
    random = np.random.default_rng(SEED)
    pictures = [np.asarray(open_image(name).convert("RGB")) for name in photographs()]
    crops = []
    for number in range(CROPS):
        picture = pictures[number % len(pictures)]
        top, left = (random.integers(length - CROP_SIZE + 1) for length in picture.shape[:2])
        crops.append(picture[top : top + CROP_SIZE, left : left + CROP_SIZE])
    np.save(path, np.stack(crops))
    return path


def _export(variant: str, name: str, folder: Path, calibration: Path, console: Console) -> dict[str, Path]:
    int8 = {
        _int8(io): micronet_edge.ExportSettings(precision="int8", io=io, calibration=calibration)
        for io in IOS[name]
    }
    naive = micronet_edge.ExportSettings(precision="int8", naive=True, calibration=calibration)
    files = {}
    for kind, wanted in ({FLOAT: micronet_edge.ExportSettings(), NAIVE: naive} | int8).items():
        console.print(f"exporting {variant} as {kind} {name}")
        settings = replace(wanted, formats=(name,), output=folder, overwrite=True)
        (exported,) = micronet_edge.export(variant, settings=settings)
        # Files that differ in what they take bear the same name.
        files[kind] = exported.path.rename(folder / f"{kind} {exported.path.name}")
    return files


def _int8(io: str) -> str:
    return f"int8, {io} io"


def _row(variant: str, name: str, io: str, files: dict[str, Path], runs: list[Samples]) -> Row:
    files = {FLOAT: files[FLOAT], "int8": files[_int8(io)], NAIVE: files[NAIVE]}
    samples = {kind: [run[file.name] for run in runs] for kind, file in files.items()}
    return Row(
        variant,
        name,
        io,
        milliseconds={
            kind: spread([taken / 1e6 for process in processes for taken in process])
            for kind, processes in samples.items()
        },
        size_bytes={kind: file.stat().st_size for kind, file in files.items()},
        over_float=speedups(samples[FLOAT], samples["int8"]),
        over_naive=speedups(samples[NAIVE], samples["int8"]),
        samples_ns=samples,
    )


def _print(rows: list[Row]) -> None:
    table = Table(title=f"One thread, {PROCESSES} processes of {ROUNDS} interleaved rounds")
    headings = (
        "variant",
        "format",
        "takes",
        "float32 ms",
        "naive int8 ms",
        "int8 ms",
        "over float32",
        "over naive",
        "size",
    )
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        times = [f"{row.milliseconds[kind].median:.2f}" for kind in (FLOAT, NAIVE, "int8")]
        ratios = [
            f"{each.median:.2f} ({each.low:.2f}-{each.high:.2f})" for each in (row.over_float, row.over_naive)
        ]
        size = f"{row.size_bytes['int8'] / row.size_bytes['float32']:.3f}"
        table.add_row(row.variant, row.format, row.io, *times, *ratios, size)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
