"""How much faster the lowered files are than the naive ones, for every variant and format.

Naive is what a user gets from torch.onnx.export with onnxsim, and from onnx2tf, on the network as it
was trained. Random weights at 224 px with 1000 classes; one thread; files alternate within a process.
Writes benchmarks/results/naive.json and prints the table that the README quotes.
"""

import json
import tempfile
from dataclasses import asdict, dataclass
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
KINDS = {"onnx": ("onnx", False), "onnx portable": ("onnx", True), "tflite": ("tflite", False)}
RESULT = Path(__file__).parents[1] / "results" / "naive.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One variant in one format: times, how many times faster, and every sample by process."""

    variant: str
    kind: str
    naive_ms: Spread
    ours_ms: Spread
    speedup: Spread
    samples_ns: dict[str, list[list[int]]]


def main() -> None:
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory() as folder:
        pairs = {
            (variant, kind): _export_pair(variant, kind, Path(folder), console)
            for variant in FAMILY
            for kind in KINDS
        }
        runs: dict[tuple[str, str], list[Samples]] = {key: [] for key in pairs}
        for number in range(PROCESSES):
            for key, files in pairs.items():
                console.print(f"process {number + 1} of {PROCESSES}: {' '.join(key)}")
                runs[key].append(sample_in_fresh_process(list(files), ROUNDS))
        rows = [_row(*key, files, runs[key]) for key, files in pairs.items()]
    result = {
        "environment": environment(),
        "threads": 1,
        "rounds": ROUNDS,
        "rows": [asdict(row) for row in rows],
    }
    RESULT.write_text(json.dumps(result, separators=(",", ":")) + "\n")
    _print(rows)


def _export_pair(variant: str, kind: str, folder: Path, console: Console) -> tuple[Path, Path]:
    """The naive and the lowered file; a folder for each kind, since the files share their names."""
    target, portable = KINDS[kind]
    output = folder / kind
    files = []
    for naive in (True, False):
        console.print(f"exporting {variant} as {kind}{', naive' if naive else ''}")
        settings = micronet_edge.ExportSettings(
            formats=(target,), output=output, naive=naive, portable=portable and not naive
        )
        (exported,) = micronet_edge.export(variant, settings=settings)
        files.append(exported.path)
    naive_file, ours = files
    return naive_file, ours


def _row(variant: str, kind: str, files: tuple[Path, Path], runs: list[Samples]) -> Row:
    naive, ours = ([run[file.name] for run in runs] for file in files)
    return Row(
        variant,
        kind,
        naive_ms=_milliseconds(naive),
        ours_ms=_milliseconds(ours),
        speedup=speedups(naive, ours),
        samples_ns={"naive": naive, "ours": ours},
    )


def _milliseconds(processes: list[list[int]]) -> Spread:
    return spread([nanoseconds / 1e6 for process in processes for nanoseconds in process])


def _print(rows: list[Row]) -> None:
    table = Table(title=f"One thread, {PROCESSES} processes of {ROUNDS} interleaved rounds")
    for heading in ("variant", "kind", "naive ms", "ours ms", "times faster (range over processes)"):
        table.add_column(heading)
    for row in rows:
        table.add_row(
            row.variant,
            row.kind,
            f"{row.naive_ms.median:.2f}",
            f"{row.ours_ms.median:.2f}",
            f"{row.speedup.median:.2f} ({row.speedup.low:.2f} to {row.speedup.high:.2f})",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
