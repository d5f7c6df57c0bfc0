"""Counts the instructions of MicroNets and baselines on emulated microcontrollers, all written as C files.

    python benchmarks/suites/mcu.py --size 96

writes the files of that size, builds and runs them under qemu, and puts their rows into
benchmarks/results/mcu.json. Without `--size` it takes all sizes, some 20 minutes on one core. `--network`
and `--classes` choose as well; all three may be repeated. `--missing` leaves out what the results hold
already, so that a run can be continued. Counts are instructions of an emulator, not cycles. Their tables:

    python benchmarks/suites/tables.py benchmarks/results/mcu.json
"""

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

sys.path.insert(0, str(Path(__file__).parents[1]))  # the baselines are not installed

from baselines.mcu_suite import CLASSES, DEVICES, NETWORKS, SIZES, check_entry, entries, measure_entry, merged
from micronet_edge.util.terminal import say
from micronet_edge_bench.crops import write_crops
from micronet_edge_bench.mcu import NOT_CYCLES
from micronet_edge_bench.mcu.results import McuResults, read_mcu_results, write_mcu_results

RESULT = Path(__file__).parents[1] / "results" / "mcu.json"


def main(
    *,
    network: Annotated[list[str] | None, typer.Option()] = None,
    size: Annotated[list[int] | None, typer.Option()] = None,
    classes: Annotated[list[int] | None, typer.Option()] = None,
    missing: Annotated[bool, typer.Option("--missing")] = False,
    output: Annotated[Path, typer.Option()] = RESULT,
) -> None:
    """Measures the suite, or a part of it, and keeps the rest of the results."""
    chosen = entries(network or NETWORKS, size or SIZES, classes or CLASSES)
    for entry in chosen:
        check_entry(entry)
    results = read_mcu_results(output) if output.exists() else None
    if missing:
        chosen = tuple(entry for entry in chosen if not _holds(results, entry.name))
    with tempfile.TemporaryDirectory() as folder:
        calibration = write_crops(Path(folder, "crops.npy"))
        for number, entry in enumerate(chosen, start=1):
            found = measure_entry(entry, Path(folder), calibration)
            results = merged(results, found)
            write_mcu_results(results, output, overwrite=True)
            counts = ", ".join(f"{each.count / 1e6:.2f} M on {each.device}" for each in found)
            say(f"{entry.name} ({number} of {len(chosen)}): {counts} ({NOT_CYCLES})")


def _holds(results: McuResults | None, name: str) -> bool:
    if results is None:
        return False
    return {each.device for each in results.measured if each.file == name} == set(DEVICES)


if __name__ == "__main__":
    typer.run(main)
