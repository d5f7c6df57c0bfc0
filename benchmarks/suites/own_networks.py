"""Whether files of users' own networks are as fast as those that the usual converters make of them.

    python benchmarks/suites/own_networks.py

writes each network of examples/networks_of_users as float32 and int8, and by the plain converter (torch.onnx
with onnxsim; onnx2tf), and runs the files of a format side by side with the harness: one thread, fresh
processes, one file after the other in every round. Then `--table` prints the result as Markdown.

Writes benchmarks/results/own_networks.json after every network; what is there already is not measured again.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import typer

sys.path.insert(0, str(Path(__file__).parents[1]))  # the baselines are not installed
sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))

from networks_of_users.catalogue import NETWORKS, UserNetwork  # type: ignore[import-not-found]

import micronet_edge
from baselines.plain_converters import plain_onnx, plain_tflite
from micronet_edge.data.signature import Samples
from micronet_edge.errors import MicronetEdgeError
from micronet_edge.lowering.ir.runs import tensors_in
from micronet_edge.quantization.layer_outputs import decibels
from micronet_edge.settings import ExportSettings
from micronet_edge.targets.registry import find_target
from micronet_edge.util.output_files import write_text
from micronet_edge.util.terminal import say
from micronet_edge.util.text import listed
from micronet_edge_bench.inputs import prepare
from micronet_edge_bench.measuring import measure
from micronet_edge_bench.runner.facts import environment
from micronet_edge_bench.runner.plan import Settings
from micronet_edge_bench.statistics import latency, ratio_in_turn

RESULT = Path(__file__).parents[1] / "results" / "own_networks.json"
FORMATS = {"onnx": "ONNX Runtime", "tflite": "LiteRT"}
PROCESSES, ROUNDS = 5, 60
SAMPLES, CALIBRATION = 16, 64
MOST_LETTERS = 160
"""Of an error in the table; a converter's is a traceback, whose end says most."""

HEADS = ("difference", "ms", "times as fast", "int8 dB", "int8 ms")
CONVERTER, OURS, INT8 = "converter", "ours", "int8"

Row = dict[str, Any]


def main(*, output: Path = RESULT, only: str = "", rounds: int = ROUNDS, table: bool = False) -> None:
    """Measures the networks whose name starts with `only`, or prints the table of a result."""
    rows = json.loads(output.read_text())["rows"] if output.exists() else []
    if table:
        for line in table_of(rows):
            say(line)
        return
    done = {row["network"] for row in rows}
    for network in NETWORKS:
        if network.name.startswith(only) and network.name not in done:
            rows += [_measured(network, kind, rounds) for kind in FORMATS]
            content = json.dumps({"environment": environment(), "rows": rows}) + "\n"
            write_text(content, output, overwrite=True)
            say(f"{network.name}: measured")


def _measured(network: UserNetwork, kind: str, rounds: int) -> Row:
    """The files of a network in a format: their times, and how far they are from PyTorch."""
    module, samples = network.build(), _samples(network, SAMPLES, seed=1)
    with torch.no_grad():
        expected = tuple(each.numpy() for each in tensors_in(module(*map(torch.from_numpy, samples))))
    row: Row = {"network": network.name, "format": kind, "errors": {}}
    with tempfile.TemporaryDirectory() as folder:
        paths = dict(_written(network, module, kind, Path(folder), row["errors"]))
        with suppress(KeyError):
            row["difference"] = _difference(paths[OURS], samples, expected)
        with suppress(KeyError):
            row["int8_db"] = _decibels(paths[INT8], samples, expected)
        return row | _times(paths, rounds, row["errors"])


def _written(
    network: UserNetwork, module: torch.nn.Module, kind: str, folder: Path, errors: dict[str, str]
) -> Iterator[tuple[str, Path]]:
    """The files that can be written; the reasons for the others go to `errors`."""
    ways = {CONVERTER: _by_converter, OURS: _in_float, INT8: _in_integers}
    for name, write in ways.items():
        try:
            yield name, write(network, module, folder / f"{name}.{kind}")
        except MicronetEdgeError as error:
            errors[name] = str(error)[-MOST_LETTERS:]


def _by_converter(network: UserNetwork, module: torch.nn.Module, path: Path) -> Path:
    onnx_file = path.with_name(f"{CONVERTER}.onnx")
    plain_onnx(module, network.inputs, onnx_file)
    if path != onnx_file:
        plain_tflite(onnx_file, path)
    return path


def _in_float(network: UserNetwork, module: torch.nn.Module, path: Path) -> Path:
    return _exported(network, module, path, ExportSettings())


def _in_integers(network: UserNetwork, module: torch.nn.Module, path: Path) -> Path:
    calibration = path.with_suffix(".npz")
    np.savez(calibration, **dict(zip(network.inputs, _samples(network, CALIBRATION, seed=2), strict=True)))
    return _exported(network, module, path, ExportSettings(precision=INT8, calibration=calibration))


def _exported(network: UserNetwork, module: torch.nn.Module, path: Path, settings: ExportSettings) -> Path:
    """Writes and proves a file, in the folder of `path`."""
    (exported,) = micronet_edge.export(
        module,
        settings=replace(
            settings,
            formats=(path.suffix[1:],),
            output=path.parent,
            input_shapes=network.inputs,
            color_order="NONE",  # noise, whatever the network was made for
        ),
    )
    return exported.path


def _samples(network: UserNetwork, count: int, *, seed: int) -> Samples:
    random = np.random.default_rng(seed)
    return tuple(random.standard_normal((count, *shape), np.float32) for shape in network.inputs.values())


def _difference(path: Path, samples: Samples, expected: Samples) -> float:
    """The largest difference of an output, relative to its largest number."""
    return max(
        float(np.abs(ours - theirs).max() / np.abs(theirs).max())
        for ours, theirs in zip(_outputs(path, samples), expected, strict=True)
    )


def _decibels(path: Path, samples: Samples, expected: Samples) -> float:
    """The smallest signal-to-noise ratio of an output."""
    return min(
        decibels(float(np.square(theirs).sum()), float(np.square(ours - theirs).sum()))
        for ours, theirs in zip(_outputs(path, samples), expected, strict=True)
    )


def _outputs(path: Path, samples: Samples) -> Samples:
    return find_target(path.suffix[1:]).open(path, kernels="off").outputs(*samples)


def _times(paths: dict[str, Path], rounds: int, errors: dict[str, str]) -> Row:
    """The samples of each file, its median, and the speed-ups over the converter's."""
    try:
        return _compared(paths, rounds)
    except MicronetEdgeError as error:
        at_fault = CONVERTER if CONVERTER in paths else "measuring"
        folder = f"{next(iter(paths.values())).parent}/"
        errors[at_fault] = str(error).replace(folder, "")[:MOST_LETTERS]
        if at_fault == "measuring":
            return {}
        return _times({name: path for name, path in paths.items() if name != CONVERTER}, rounds, errors)


def _compared(paths: dict[str, Path], rounds: int) -> Row:
    names = list(paths)
    prepared = prepare([paths[name] for name in names], random=True, own=True)
    (run,) = measure(prepared, ["local"], Settings(1, PROCESSES, rounds))
    if run.error is not None:
        raise MicronetEdgeError(run.error)
    samples = {name: file.samples_ns for name, file in zip(names, run.files, strict=True)}
    row: Row = {f"{name}_ms": latency(each).median_ns / 1e6 for name, each in samples.items()}
    row["samples_ns"] = samples
    if CONVERTER in samples:
        row["times_as_fast"] = {
            name: asdict(ratio_in_turn(samples[CONVERTER], samples[name]))
            for name in (OURS, INT8)
            if name in samples
        }
    return row


def table_of(rows: list[Row]) -> Iterator[str]:
    """The result as a table of Markdown, and what the converters could not do."""
    heads = [f"{runtime}: {head}" for runtime in FORMATS.values() for head in HEADS]
    yield f"| network | {' | '.join(heads)} |"
    yield "|---" * (len(heads) + 1) + "|"
    networks = dict.fromkeys(row["network"] for row in rows)
    for network in networks:
        cells = [cell for row in rows if row["network"] == network for cell in _cells(row)]
        yield f"| {network} | {' | '.join(cells)} |"
    yield ""
    reasons = dict.fromkeys(reason for row in rows for reason in row["errors"].values())
    for reason in reasons:
        found = [row["network"] for row in rows if reason in row["errors"].values()]
        yield f"- {listed(found)}: {' '.join(reason.split())}"


def _cells(row: Row) -> Iterator[str]:
    ratio = row.get("times_as_fast", {}).get(OURS)
    yield f"{row['difference']:.0e}" if "difference" in row else "-"
    yield f"{row['ours_ms']:.2f}" if "ours_ms" in row else "-"
    yield f"{ratio['value']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})" if ratio else "-"
    yield f"{row['int8_db']:.0f}" if "int8_db" in row else "-"
    yield f"{row['int8_ms']:.2f}" if "int8_ms" in row else "-"


if __name__ == "__main__":
    typer.run(main)
