"""Keeps the loss of top-1 within a bound: reverts the most guilty layers to float until it holds."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, fx

from micronet_edge.errors import VerificationError
from micronet_edge.evaluation import evaluate
from micronet_edge.integer_forms import with_corrected_biases, written_form
from micronet_edge.quantization.layers import layers
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.recipe import Recipe
from micronet_edge.quantization.rounded_tensors import tensor_name
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.source import Source
from micronet_edge.targets import ExportSpec, Target
from micronet_edge.wording import plural

GUILT_IMAGES = 64
"""Calibration images on which layers are compared."""

_TIMED_RUNS = 31
_BATCH = 32


@dataclass(frozen=True, slots=True)
class Step:
    """One attempt, on one format: what was in float, and what the file then gave.

    `top1` and `drop` are in points; `latency_ms` is the median of single images on one thread.
    """

    format: str
    reverted: tuple[str, ...]
    top1: float
    drop: float
    size_bytes: int
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Bound:
    """A recipe that keeps the bound, and the steps that led to it."""

    recipe: Recipe
    steps: tuple[Step, ...]


def bound_drop(
    recipe: Recipe,
    origin: Source,
    network: fx.GraphModule,
    targets: list[Target],
    spec: ExportSpec,
    *,
    images: Tensor,
    data: Path,
    max_drop: float,
    report: Callable[[str], None],
) -> Bound:
    """Writes and measures files, with ever more layers in float, until none loses too much.

    Given    a recipe, the network it is for, calibration images and a folder of labelled ones
    Result   the first recipe whose files lose at most `max_drop` points of top-1 against PyTorch
    Raises   VerificationError, with the best that was reached, where even the last attempt loses more.
    """
    order: list[tuple[str, ...]] = []
    reverted: tuple[str, ...] = ()
    steps: list[Step] = []
    groups = layers(network)
    float_right: float | None = None
    while True:
        operators = tuple(name for layer in reverted for name in groups[layer])
        tried = replace(recipe, float_layers=operators)
        if reverted:
            # What is in float needs no correction.
            tried = with_corrected_biases(tried, network, origin.metadata, targets, images)
        for target in targets:
            form = written_form(tried, network, origin.metadata, target)
            step, float_right = _measured(target, form, reverted, origin, spec, data, float_right)
            steps.append(step)
            report(f"{step.format}: {plural(len(reverted), 'layer')} in float, {step.drop:+z.2f} points lost")
        if max(step.drop for step in steps[-len(targets) :]) <= max_drop:
            return Bound(tried, tuple(steps))
        if not order:
            report("comparing the layers")
            worst = max(targets, key=lambda target: _drop_of(target, steps))
            form = written_form(recipe, network, origin.metadata, worst)
            order = _by_guilt(form, network, images)
        if len(reverted) == len(groups):
            best = min(steps, key=lambda step: step.drop)
            raise VerificationError(
                f"--max-drop {max_drop:g} cannot be kept: the best reached is {best.drop:+z.2f} points lost "
                f"({best.format}, {len(best.reverted)} of {len(groups)} layers in float); give --finetune "
                "DIR or --precision int8-a16"
            )
        reverted = _twice_as_many(reverted, order, tuple(groups))


def _twice_as_many(
    reverted: tuple[str, ...], order: list[tuple[str, ...]], every: tuple[str, ...]
) -> tuple[str, ...]:
    """The most guilty layers, with those that read them, at least twice as many as before."""
    chosen: dict[str, None] = {}
    for candidate in order:
        if len(chosen) > 2 * len(reverted):
            break
        chosen.update(dict.fromkeys(candidate))
    return tuple(chosen) if len(chosen) > len(reverted) else every


def _drop_of(target: Target, steps: list[Step]) -> float:
    return max(step.drop for step in steps if step.format == target.name)


def _by_guilt(quantized: QuantizedNetwork, network: fx.GraphModule, images: Tensor) -> list[tuple[str, ...]]:
    """Every layer with its readers, the pair without whose rounding the logits err least first."""
    chosen = images[torch.linspace(0, len(images) - 1, min(len(images), GUILT_IMAGES)).long()]
    groups = layers(quantized.network)
    with torch.no_grad():
        expected = torch.cat([network(batch) for batch in torch.split(chosen, _BATCH)])

    def error(candidate: tuple[str, ...]) -> float:
        operators = frozenset(name for layer in candidate for name in groups[layer])
        simulation = Simulation(replace(quantized, float_layers=quantized.float_layers | operators))
        with torch.no_grad():
            found = torch.cat([simulation(batch) for batch in torch.split(chosen, _BATCH)])
        return float((found - expected).square().mean())

    return sorted(_with_readers(network), key=error)


def _with_readers(network: fx.GraphModule) -> list[tuple[str, ...]]:
    """A tensor stays in float only if both its maker and its readers do."""
    groups = layers(network)
    layer_of = {name: layer for layer, names in groups.items() for name in names}
    readers: dict[str, dict[str, None]] = {layer: {layer: None} for layer in groups}
    for node in network.graph.nodes:
        for reader in node.users:
            if tensor_name(node) in layer_of and tensor_name(reader) in layer_of:
                readers[layer_of[tensor_name(node)]][layer_of[tensor_name(reader)]] = None
    return [tuple(names) for names in readers.values()]


def _measured(
    target: Target,
    quantized: QuantizedNetwork,
    reverted: tuple[str, ...],
    origin: Source,
    spec: ExportSpec,
    data: Path,
    float_top1: float | None,
) -> tuple[Step, float]:
    with tempfile.TemporaryDirectory(prefix="micronet-edge-") as folder:
        path = Path(folder, f"attempt{target.suffix}")
        target.quantize(quantized, spec, path)
        if float_top1 is None:
            found = evaluate(path, data, checkpoint=origin.checkpoint, kernels="off")
            assert found.comparison is not None
            float_top1 = found.comparison.top1.share * 100
        else:
            found = evaluate(path, data, kernels="off")
        top1 = found.top1.share * 100
        latency_ms = _latency_ms(target, path, origin)
        step = Step(target.name, reverted, top1, float_top1 - top1, path.stat().st_size, latency_ms)
    return step, float_top1


def _latency_ms(target: Target, path: Path, origin: Source) -> float:
    size = origin.metadata.preprocessing.size
    infer = target.open(path).prepared(np.zeros((1, 3, size, size), np.float32))
    taken = []
    for _ in range(_TIMED_RUNS):
        start = time.perf_counter_ns()
        infer()
        taken.append((time.perf_counter_ns() - start) / 1e6)
    return float(np.median(taken[1:]))
