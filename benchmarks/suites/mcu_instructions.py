"""Fits the costs from which a C file says how many instructions it takes, on emulated Cortex-M4 and M55.

    python benchmarks/suites/mcu_instructions.py

writes the networks of FITTED as C files in int8, counts the instructions of each of their steps under qemu,
and fits a cost for each kind of step to them: for each multiply-add, each number written and each call.
Borders are filled by steps of their own; all costs grow by their share. It writes
exporters/micronet_edge_c/instructions.json, and prints how far the costs are off for each file of
benchmarks/results/mcu.json, most of which it has not seen. Some five minutes on one core.
"""

import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import msgspec
import numpy as np
from scipy.optimize import nnls

sys.path.insert(0, str(Path(__file__).parents[1]))  # the baselines are not installed

from baselines.mcu_suite import DEVICES, Entry, write_entry
from micronet_edge.counting.graph import Graph, Operator
from micronet_edge.util.output_files import write_bytes
from micronet_edge.util.terminal import say
from micronet_edge_bench.crops import write_crops
from micronet_edge_bench.mcu import measure
from micronet_edge_bench.mcu.results import read_mcu_results

REPOSITORY = Path(__file__).parents[2]
COSTS = REPOSITORY / "exporters" / "micronet_edge_c" / "instructions.json"
RESULTS = REPOSITORY / "benchmarks" / "results" / "mcu.json"
FITTED = (
    *(Entry(variant, size, 20) for variant in ("m0", "m2", "m3") for size in (96, 224)),
    Entry("m1", 128, 1000),
    Entry("mobilenet-v3-small-0.35", 96, 1000),
    Entry("pp-lcnet-0.25", 128, 20),
)

UNITS = ("madd", "output", "call")

Rows = dict[str, list[tuple[tuple[int, int, int], int]]]
"""By kind of step: what each did, and its instructions."""


def main() -> None:
    rows: dict[str, Rows] = {device: defaultdict(list) for device in DEVICES}
    borders = {device: [0, 0] for device in DEVICES}
    with tempfile.TemporaryDirectory() as folder:
        calibration = write_crops(Path(folder, "crops.npy"))
        for entry in FITTED:
            path = write_entry(entry, Path(folder), calibration)
            for device in DEVICES:
                _collect(path, device, rows[device], borders[device])
            say(f"{entry.name}: counted")
    costs = {
        device: {
            kind: _fitted(found, 1 + borders[device][0] / borders[device][1])
            for kind, found in sorted(rows[device].items())
        }
        for device in DEVICES
    }
    write_bytes(msgspec.json.format(msgspec.json.encode(costs), indent=1), COSTS, overwrite=True)
    _say_errors()


def _collect(path: Path, device: str, rows: Rows, borders: list[int]) -> None:
    """Adds the steps of a file; `borders` are the instructions of borders and of everything else."""
    operators = iter(_graph(path).operators)
    for step in measure(path, device, profile=True).steps:
        borders[step.kind != "border"] += step.count
        if step.kind != "border":
            operator = next(operators)
            _check(operator, f"{step.name} {step.kind}")
            rows[operator.kind].append((_work(operator), step.count))


def _graph(path: Path) -> Graph:
    """What a C file computes, from the comment at its end."""
    (text,) = re.findall(r"^/\* micronet-edge reads this back.*\n(.*)\n\*/", path.read_text(), re.MULTILINE)
    return msgspec.convert(msgspec.json.decode(text)["graph"], Graph)


def _work(operator: Operator) -> tuple[int, int, int]:
    """What the cost of a step is counted in: multiply-adds, numbers written, calls."""
    assert operator.arithmetic is not None  # every step of ours is counted
    return operator.arithmetic.products, sum(each.elements for each in operator.outputs), 1


def _check(operator: Operator, counted: str) -> None:
    if operator.name != counted:
        raise SystemExit(f"the file has {operator.name} where the board counted {counted}")


def _fitted(found: list[tuple[tuple[int, int, int], int]], growth: float) -> dict[str, float]:
    """Costs that are not negative, with the least squares of the root's relative errors."""
    work = np.array([each for each, _ in found], np.float64)
    counts = np.array([count for _, count in found], np.float64)
    # Between absolute errors, which only large layers decide, and relative ones, which small layers decide.
    weights = 1 / np.sqrt(counts)
    costs, _ = nnls(work * weights[:, None], counts * weights)
    return {name: float(f"{each * growth:.4g}") for name, each in zip(UNITS, costs, strict=True)}


def _say_errors() -> None:
    results = {(each.file, each.device): each.count for each in read_mcu_results(RESULTS).measured}
    with tempfile.TemporaryDirectory() as folder:
        calibration = write_crops(Path(folder, "crops.npy"))
        for size, network in ((96, "m1"), (224, "m1"), (128, "m0"), (128, "m2"), (96, "pp-lcnet-0.35")):
            entry = Entry(network, size, 1000)
            head, _, _ = write_entry(entry, Path(folder), calibration).read_text().partition("*/")
            said = re.findall(r"([\d.]+) million on a", head)
            for device, expected in zip(DEVICES, said, strict=True):
                counted = results[entry.name, device] / 1e6
                say(f"{entry.name}, {device}: {float(expected) / counted - 1:+z.1%} off {counted:.2f} M")


if __name__ == "__main__":
    main()
