"""Measures a suite on this machine: writes its files, measures them alternately, and keeps every sample.

    python benchmarks/suites/run.py benchmarks/suites/family.toml

writes benchmarks/results/family.json and a picture, family.svg. `--output FILE` writes the results elsewhere,
to compare a second run with the first; `--files FOLDER` keeps the files, so that the second run measures the
same.
"""

import sys
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parents[1]))  # the baselines are not installed

from baselines.published_accuracies import with_published_top1
from baselines.suite_files import write_member
from baselines.suites import CANDIDATES, Member, Suite, read_suite
from micronet_edge.data.metadata import DISTRIBUTION, tool_version
from micronet_edge.util.terminal import open_console, say
from micronet_edge_bench.crops import write_crops
from micronet_edge_bench.inputs import prepare
from micronet_edge_bench.measuring import measure
from micronet_edge_bench.report.picture import write_picture
from micronet_edge_bench.results import Baseline, Results, Run, write_results
from micronet_edge_bench.runner.plan import Settings

RESULTS = Path(__file__).parents[1] / "results"
DEVICE = "local"


def main(
    suite: Path,
    *,
    output: Annotated[Path | None, typer.Option()] = None,
    files: Annotated[Path | None, typer.Option()] = None,
) -> None:
    """Measures a suite."""
    output = output or RESULTS / f"{suite.stem}.json"
    with tempfile.TemporaryDirectory() if files is None else nullcontext(files) as folder:
        results = run(read_suite(suite), Path(folder), open_console(err=True))
    write_results(results, output, overwrite=True)
    write_picture(results, output.with_suffix(".svg"), overwrite=True)
    say(f"wrote {output} and a picture; for a page: micronet-edge bench {output} --html page.html")


def run(suite: Suite, folder: Path, console: Console) -> Results:
    """Measures all turns, one run each."""
    folder.mkdir(parents=True, exist_ok=True)
    files = _written(suite, folder, console)
    runs = tuple(_measured(suite, number, files, console) for number in range(len(suite.turns)))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Results(now, f"{DISTRIBUTION} {tool_version()}", Baseline(None), runs)


def _written(suite: Suite, folder: Path, console: Console) -> dict[Member, Path]:
    calibration = write_crops(folder / "crops.npy")
    files = {member: folder / member.name for member in suite.members}
    missing = [member for member, path in files.items() if not path.exists()]
    for number, member in enumerate(missing, start=1):
        console.print(f"writing {member.name} ({number} of {len(missing)})")
        write_member(member, folder, calibration)
    return files


def _measured(suite: Suite, number: int, files: dict[Member, Path], console: Console) -> Run:
    turn = suite.turns[number]
    console.print(f"measuring {turn.name} ({number + 1} of {len(suite.turns)})")
    settings = Settings(suite.threads, suite.processes, suite.rounds, profile=True)
    prepared = [
        replace(
            file,
            kernels=CANDIDATES[member.candidate].kernels,
            runtime=CANDIDATES[member.candidate].runtime,
        )
        for member, file in zip(
            turn.members, prepare([files[member] for member in turn.members], own=True), strict=True
        )
    ]
    (measured,) = measure(prepared, [DEVICE], settings)
    if measured.error is not None:
        raise SystemExit(f"{turn.name}: {measured.error}")
    return with_published_top1(replace(measured, title=turn.name), turn.members)


if __name__ == "__main__":
    typer.run(main)
