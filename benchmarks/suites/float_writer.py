"""Whether a float ONNX file of our own writer is as fast as the one that torch.onnx and onnxsim make.

    python benchmarks/suites/float_writer.py

writes m0 to m3 both ways, at 224 px and in both forms, and runs the two files side by side in ONNX Runtime
on one thread. A round times each once, in an order that alternates. Both are opened anew several times:
where their weights lie in memory makes one faster than the other.

Writes benchmarks/results/float_writer.json.
"""

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import typer
from torch import nn

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering import lower
from micronet_edge.models import FAMILY
from micronet_edge.models.random_weights import random_network
from micronet_edge.targets.protocol import ExportSpec
from micronet_edge.targets.registry import find_target
from micronet_edge.util.output_files import write_text
from micronet_edge.util.terminal import say
from micronet_edge_bench.runner.facts import environment
from micronet_edge_bench.statistics import ratio_in_turn

SIZE, CLASSES = 224, 1000
OPENINGS, WARM_UP, ROUNDS = 7, 20, 100
RESULT = Path(__file__).parents[1] / "results" / "float_writer.json"

Infer = Callable[[], object]


class AsTrained(nn.Module):
    """Around a lowered network: a module as any other, which torch.onnx writes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.network(x)
        return y


def main(rounds: int = ROUNDS, *, output: Path = RESULT) -> None:
    """Measures all variants and writes the result."""
    rows = [measured(variant, rounds, portable=portable) for variant in FAMILY for portable in (False, True)]
    content = json.dumps({"environment": environment(), "rows": rows}) + "\n"
    write_text(content, output, overwrite=True)
    for row in rows:
        say(_line(row))


def measured(variant: str, rounds: int, *, portable: bool) -> dict[str, Any]:
    """Both files of a variant: the samples' medians, their ratio, and how far the outputs are apart."""
    target, preprocessing = find_target("onnx"), Preprocessing.imagenet(SIZE)
    images = preprocessing.batch(photographs())
    metadata = FileMetadata(variant, tuple(map(str, range(CLASSES))), preprocessing)
    spec = ExportSpec(SIZE, 1, naive=False, portable=portable, metadata=metadata)
    network = random_network(variant, CLASSES, torch.from_numpy(images)).eval()
    lowered = lower(network, target.pipeline(spec), SIZE).network
    with tempfile.TemporaryDirectory() as folder:
        paths, seconds = {}, {}
        for name, module in (("converter", AsTrained(lowered)), ("ours", lowered)):
            paths[name], start = Path(folder, f"{name}.onnx"), time.perf_counter()
            target.export(module, spec, paths[name])
            seconds[f"{name}_write_s"] = time.perf_counter() - start
        samples: dict[str, list[list[int]]] = {name: [] for name in paths}
        for opening in range(OPENINGS):
            order = sorted(paths, reverse=bool(opening % 2))
            sessions = {name: target.open(paths[name], 1, kernels="off") for name in order}
            logits = {name: session.run(images) for name, session in sessions.items()}
            taken = in_turn({name: sessions[name].prepared(images[:1]) for name in order}, rounds)
            for name, values in taken.items():
                samples[name].append(values)
    ratio = ratio_in_turn(samples["converter"], samples["ours"])
    difference = np.abs(logits["ours"] - logits["converter"]).max() / np.abs(logits["converter"]).max()
    return {
        "variant": variant,
        "portable": portable,
        **{f"{name}_ms": median(map(median, taken)) / 1e6 for name, taken in samples.items()},
        "times_as_fast": asdict(ratio),
        "relative_difference": float(difference),
        **seconds,
        "samples_ns": samples,
    }


def in_turn(infer: dict[str, Infer], rounds: int) -> dict[str, list[int]]:
    """The nanoseconds of each, round by round, after a warm-up."""
    taken: dict[str, list[int]] = {name: [] for name in infer}
    for number in range(-WARM_UP, rounds):
        for name in list(infer)[:: 1 if number % 2 else -1]:
            start = time.perf_counter_ns()
            infer[name]()
            if number >= 0:
                taken[name].append(time.perf_counter_ns() - start)
    return taken


def _line(row: dict[str, Any]) -> str:
    ratio = row["times_as_fast"]
    return (
        f"{row['variant']}{' portable' if row['portable'] else ''}: ours {row['ours_ms']:.2f} ms, torch.onnx "
        f"{row['converter_ms']:.2f} ms, {ratio['value']:.3f} times as fast ({ratio['low']:.3f} to "
        f"{ratio['high']:.3f}); outputs differ by {row['relative_difference']:.1e}; written in "
        f"{row['ours_write_s']:.2f} s and {row['converter_write_s']:.2f} s"
    )


if __name__ == "__main__":
    typer.run(main)
