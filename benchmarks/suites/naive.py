"""How much faster the lowered files are than the naive ones, for every variant in both formats.

Naive is what a user gets from torch.onnx.export with onnxsim, and from onnx2tf, on the network as it
was trained. Random weights at 224 px with 1000 classes; one thread; files alternate within a process.
Writes benchmarks/results/naive.json and prints the table that the README quotes.
"""

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

import micronet_edge
from micronet_edge.models import FAMILY
from micronet_edge_bench.environment import environment
from micronet_edge_bench.sampling import Samples, sample_in_fresh_process
from micronet_edge_bench.statistics import Spread, speedups, spread

PROCESSES = 5
ROUNDS = 200
FORMATS = ("onnx", "tflite")
RESULT = Path(__file__).parents[1] / "results" / "naive.json"


def main() -> None:
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder:
        pairs = {
            (variant, kind): _export_pair(variant, kind, Path(folder), console)
            for variant in FAMILY
            for kind in FORMATS
        }
        runs: dict[tuple[str, str], list[Samples]] = {key: [] for key in pairs}
        for number in range(PROCESSES):
            for key, files in pairs.items():
                console.print(f"process {number + 1} of {PROCESSES}: {' '.join(key)}")
                runs[key].append(sample_in_fresh_process(list(files), ROUNDS))
        rows = [_row(*key, files, runs[key]) for key, files in pairs.items()]
    result = {"environment": environment(), "threads": 1, "rounds": ROUNDS, "rows": rows}
    RESULT.write_text(json.dumps(result, separators=(",", ":")) + "\n")
    _print(rows)


def _export_pair(variant: str, kind: str, folder: Path, console: Console) -> tuple[Path, Path]:
    files = []
    for naive in (True, False):
        console.print(f"exporting {variant} {kind}{' naive' if naive else ''}")
        settings = micronet_edge.ExportSettings(formats=(kind,), output=folder, naive=naive)
        (exported,) = micronet_edge.export(variant, settings=settings)
        files.append(exported.path)
    naive_file, ours = files
    return naive_file, ours


def _row(variant: str, kind: str, files: tuple[Path, Path], runs: list[Samples]) -> dict[str, object]:
    naive, ours = ([run[file.name] for run in runs] for file in files)
    return {
        "variant": variant,
        "format": kind,
        "naive_ms": asdict(_milliseconds(naive)),
        "ours_ms": asdict(_milliseconds(ours)),
        "speedup": asdict(speedups(naive, ours)),
        "samples_ns": {"naive": naive, "ours": ours},
    }


def _milliseconds(processes: list[list[int]]) -> Spread:
    return spread([nanoseconds / 1e6 for process in processes for nanoseconds in process])


def _print(rows: list[dict[str, object]]) -> None:
    table = Table(title=f"One thread, {PROCESSES} processes of {ROUNDS} interleaved rounds")
    for heading in ("variant", "format", "naive ms", "ours ms", "times faster (range over processes)"):
        table.add_column(heading)
    for row in rows:
        naive, ours, ratio = row["naive_ms"], row["ours_ms"], row["speedup"]
        assert isinstance(naive, dict)
        assert isinstance(ours, dict)
        assert isinstance(ratio, dict)
        table.add_row(
            str(row["variant"]),
            str(row["format"]),
            f"{naive['median']:.2f}",
            f"{ours['median']:.2f}",
            f"{ratio['median']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})",
        )
    Console(file=sys.stdout).print(table)


if __name__ == "__main__":
    main()
