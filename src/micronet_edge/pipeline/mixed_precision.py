"""Mixed precision: keeps the most sensitive layers in float until the accuracy budget holds."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, fx

from micronet_edge.errors import VerificationError
from micronet_edge.evaluation.evaluate import evaluate
from micronet_edge.models.source import Source
from micronet_edge.pipeline.quantized_graphs import Formed, corrected_forms
from micronet_edge.quantization.layers import layers
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import tensor_name
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.targets.protocol import ExportSpec, Target
from micronet_edge.util.latency import latency_ms
from micronet_edge.util.statistics import PairedDifference, Right, paired_difference
from micronet_edge.util.text import plural

GUILT_IMAGES = 64
"""Number of calibration images on which layers are compared."""

_BATCH = 32


@dataclass(frozen=True, slots=True)
class Step:
    """One attempt for one format: the operators kept in float and the resulting accuracy.

    `top1` is in points, on so many labelled `images`. `difference` is the file's top-1 minus the float
    network's, negative for a loss. `latency_ms` is the median for single images on one thread.
    """

    format: str
    reverted: tuple[str, ...]
    top1: float
    images: int
    difference: PairedDifference
    size_bytes: int
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Bound:
    """A recipe within the accuracy budget, with each target's quantized graph and the steps that led to it.

    `notes` say what to know about the steps.
    """

    formed: Formed
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """What the search reads: a lowered network, calibration images and labelled images.

    `origin` is the network as trained, `spec` says what to write.
    """

    network: fx.GraphModule
    origin: Source
    spec: ExportSpec
    images: Tensor
    data: Path


def bound_drop(
    formed: Formed,
    measured: Measured,
    targets: Sequence[Target],
    max_drop: float,
    report: Callable[[str], None],
) -> Bound:
    """Writes and measures files with ever more layers in float, until each keeps the accuracy budget.

    Given    a recipe with each target's quantized graph; what to measure on
    Result   the first recipe whose files lose at most `max_drop` points of top-1 against PyTorch. Each format
             keeps only as many layers in float as it needs. Files run as in `evaluate`: with the fused
             kernels where available.
    Raises   VerificationError, with the best result, if even the last attempt loses more.
    """
    steps: list[Step] = []
    recipe, forms = formed.recipe, dict(formed.forms)
    for target in targets:
        search = _Search(measured, target, max_drop, report)
        found, taken = search.run(Formed(recipe, forms))
        recipe, forms = found.recipe, {**forms, **found.forms}
        steps += taken
    return Bound(Formed(recipe, forms), tuple(steps), _notes(steps, max_drop))


@dataclass(slots=True)
class _Search:
    """The search for the layers that one format keeps in float."""

    measured: Measured
    target: Target
    max_drop: float
    report: Callable[[str], None]
    float_right: Right | None = None

    def run(self, formed: Formed) -> tuple[Formed, list[Step]]:
        network, name = self.measured.network, self.target.name
        groups = layers(network)
        order: list[tuple[str, ...]] = []
        reverted: tuple[str, ...] = ()
        steps: list[Step] = []
        while True:
            operators = tuple(each for layer in reverted for each in groups[layer])
            formed = self._with_in_float(formed, operators)
            form = formed.forms[name]
            step = self._measured(form, reverted)
            steps.append(step)
            self.report(f"{name}: {plural(len(reverted), 'layer')} in float, {in_points(step.difference)}")
            if -step.difference.points <= self.max_drop:
                return formed, steps
            if len(reverted) == len(groups):
                raise VerificationError(_out_of_reach(steps, self.max_drop, len(groups)))
            if not order:
                self.report(f"{name}: comparing the layers")
                order = _by_sensitivity(form, network, self.measured.images)
            reverted = _twice_as_many(reverted, order, tuple(groups))

    def _with_in_float(self, formed: Formed, operators: tuple[str, ...]) -> Formed:
        """The recipe with exactly these operators in float in this format; they need no bias correction."""
        recipe, measured, name = formed.recipe, self.measured, self.target.name
        before = recipe.format_float_layers.get(name, ())
        tried = replace(recipe, format_float_layers={**recipe.format_float_layers, name: operators})
        if operators == before:
            return Formed(tried, formed.forms)
        metadata = measured.origin.metadata
        found = corrected_forms(tried, measured.network, metadata, [self.target], measured.images)
        biases = {**tried.biases, **found.recipe.biases}
        return Formed(replace(tried, biases=biases), found.forms)

    def _measured(self, quantized: QuantizedNetwork, reverted: tuple[str, ...]) -> Step:
        target = self.target
        with tempfile.TemporaryDirectory(prefix="micronet-edge-") as folder:
            path = Path(folder, f"attempt{target.suffix}")
            target.quantize(quantized, self.measured.spec, path)
            origin = self.measured.origin
            reference = None if self.float_right is not None else origin.checkpoint or origin.network
            found = evaluate(path, self.measured.data, checkpoint=reference)
            if self.float_right is None:
                assert found.comparison is not None  # the call above gives a checkpoint
                self.float_right = found.comparison.answers == np.asarray(found.data.classes)
            return Step(
                format=target.name,
                reverted=reverted,
                top1=found.top1.share * 100,
                images=found.images,
                difference=paired_difference(found.right, self.float_right),
                size_bytes=path.stat().st_size,
                latency_ms=_latency_ms(target, path, self.measured.origin),
            )


def in_points(difference: PairedDifference) -> str:
    """A difference of top-1 in the words of `evaluate`."""
    return (
        f"top-1 differs by {difference.points:+z.2f} points "
        f"(95 % interval {difference.low:+z.2f} to {difference.high:+z.2f})"
    )


def _out_of_reach(steps: list[Step], max_drop: float, count: int) -> str:
    best = max(steps, key=lambda step: step.difference.points)
    return (
        f"--max-drop {max_drop:g} cannot be kept in {best.format}: the best reached is "
        f"{in_points(best.difference)}, with {len(best.reverted)} of {count} layers in float; give "
        "--finetune DIR or --precision int8-a16, or leave that format out with --format"
    )


def notes_on_resolution(images: int, max_drop: float) -> tuple[str, ...]:
    """Warns before the work if one wrong image more is already beyond the accuracy budget."""
    one = 100 / images
    if one <= max_drop:
        return ()
    remedy = f"give at least {ceil(100 / max_drop):,} images" if max_drop else "give many images"
    return (
        (
            f"{plural(images, 'labelled image')} cannot resolve --max-drop {max_drop:g}: one image is "
            f"{one:.2f} points; {remedy} or a larger --max-drop"
        ),
    )


def _notes(steps: Sequence[Step], max_drop: float) -> tuple[str, ...]:
    """Warns if the images are too few to resolve the accuracy budget."""
    last = {step.format: step.difference for step in steps}
    widest = max((each.high - each.low) / 2 for each in last.values())
    if widest <= max_drop:
        return ()
    return (
        (
            f"the labelled images cannot resolve --max-drop {max_drop:g}: their 95 % interval is "
            f"+-{widest:.2f} points; give more images or a larger --max-drop"
        ),
    )


def _twice_as_many(
    reverted: tuple[str, ...], order: list[tuple[str, ...]], every: tuple[str, ...]
) -> tuple[str, ...]:
    """The most sensitive layers with their consumers, at least twice as many as before."""
    chosen: dict[str, None] = {}
    for candidate in order:
        if len(chosen) > 2 * len(reverted):
            break
        chosen.update(dict.fromkeys(candidate))
    return tuple(chosen) if len(chosen) > len(reverted) else every


def _by_sensitivity(
    quantized: QuantizedNetwork, network: fx.GraphModule, images: Tensor
) -> list[tuple[str, ...]]:
    """Every layer with its consumers, sorted by the error of the logits without their quantization."""
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
    """Pairs each layer with its consumers: a tensor stays in float only if both do."""
    groups = layers(network)
    layer_of = {name: layer for layer, names in groups.items() for name in names}
    readers: dict[str, dict[str, None]] = {layer: {layer: None} for layer in groups}
    for node in network.graph.nodes:
        for reader in node.users:
            if tensor_name(node) in layer_of and tensor_name(reader) in layer_of:
                readers[layer_of[tensor_name(node)]][layer_of[tensor_name(reader)]] = None
    return [tuple(names) for names in readers.values()]


def _latency_ms(target: Target, path: Path, origin: Source) -> float:
    shape = origin.metadata.preprocessing.shape
    return latency_ms(target.open(path).prepared(np.zeros((1, *shape), np.float32)))
