"""Sensitivity analysis: what each layer of a quantized network loses, and regains in float32."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil

import torch
from torch import Tensor, fx

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.quantization.layer_outputs import (
    BATCH,
    Feeds,
    Output,
    Part,
    Values,
    computing,
    decibels,
    given_by,
    look_at,
    parts_of,
)
from micronet_edge.quantization.output_noise import OutputNoise
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import tensor_name
from micronet_edge.quantization.samples import Given, Inputs, as_inputs, by_input, count_of, in_batches
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.quantization.stored_weights import along_channels
from micronet_edge.util.statistics import PairedDifference, paired_difference
from micronet_edge.util.threads import one_thread

Progress = Callable[[int, int], None]
Labelled = tuple[Tensor, Tensor]
"""Images [n, 3, size, size] and their classes [n]."""


@dataclass(frozen=True, slots=True)
class LayerSensitivity:
    """One layer of the network, or an input: the quality of its output, and the effect on the network's.

    `sqnr_db` is that of its output, with all layers before it quantized. `low` and `high` are the ends of
    its range, `range_utilisation` the part of its integers that occur, `saturated` the part of the values
    beyond the range.

    The others say what the network regains if this layer alone stays in float32 and its output is not
    rounded, which is close to 16 bits. `noise_share` is the part of the noise in the outputs that vanishes,
    negative if it grows; top-1 and agreement, of a classifier alone, are in points. A layer that is
    `in_float` has no rounding to leave out; its quantization parameters are those that it would have.
    """

    layer: str
    operators: tuple[str, ...]
    position: int
    in_float: bool
    sqnr_db: float
    low: float
    high: float
    range_utilisation: float
    saturated: float
    noise_share: float
    agreement_back: PairedDifference | None
    top1_back: PairedDifference | None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """A quantized network's layers, in order of execution, and the network as a whole.

    Layers' outputs are those on `calibration_images` images, the network's those on `measured_images`, which
    are labelled unless there is no top-1. `agreement` is the part of the images, 0 to 1, on which the
    quantized network and the float network predict the same class; None unless it is a classifier.
    """

    rows: tuple[LayerSensitivity, ...]
    bits: int
    calibration_images: int
    measured_images: int
    sqnr_db: float
    agreement: float | None
    top1_float: float | None
    top1_quantized: float | None

    @property
    def by_sensitivity(self) -> tuple[LayerSensitivity, ...]:
        """The most sensitive first, by noise, which differs where a few images do not; float ones last."""
        return tuple(sorted(self.rows, key=lambda row: (row.in_float, -row.noise_share)))


def analyze(
    quantized: QuantizedNetwork,
    reference: fx.GraphModule,
    given: Given,
    labelled: Labelled | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Sensitivity:
    """Analyzes every layer of a quantized network.

    Args:
        quantized: a quantized network.
        reference: the same network, decomposed, in float32 with its original weights.
        given: samples of every input, like those that it was calibrated on.
        labelled: for top-1 of a classifier. Without them, the network's outputs are those on `given`, and
            there is no top-1.
        progress: receives how much of how much is done.
    """
    samples = as_inputs(given)
    measured, classes = (samples, None) if labelled is None else ((labelled[0],), labelled[1])
    report = _Counter(progress)
    parts = parts_of(quantized.network)
    report.total = ceil(count_of(samples) / BATCH) + ceil(count_of(measured) / BATCH) * len(parts)
    with torch.no_grad(), one_thread():
        outputs, shifts = look_at(quantized, reference, samples, parts, report)
        forms = _Forms(quantized, parts, shifts)
        found = forms.noise(measured, reference, report)
    answers, rounded = found.exact.classes, found.rounded.classes
    return Sensitivity(
        rows=_rows(quantized, parts, outputs, found, classes),
        bits=quantized.bits,
        calibration_images=count_of(samples),
        measured_images=count_of(measured),
        sqnr_db=decibels(1, found.rounded.relative),
        agreement=_share(rounded, answers),
        top1_float=_share(answers, classes),
        top1_quantized=_share(rounded, classes),
    )


@dataclass(frozen=True, slots=True)
class _Noise:
    """That of the float network, which is none, of all roundings, and without those of each part."""

    exact: OutputNoise
    rounded: OutputNoise
    without: list[OutputNoise]


def _rows(
    quantized: QuantizedNetwork,
    parts: list[Part],
    outputs: list[Output],
    found: _Noise,
    classes: Tensor | None,
) -> tuple[LayerSensitivity, ...]:
    noise, rounded = found.rounded.relative, found.rounded.classes
    return tuple(
        LayerSensitivity(
            layer=part.name,
            operators=part.operators,
            position=position,
            in_float=_is_in_float(quantized, part),
            sqnr_db=output.sqnr_db,
            low=output.qparams.low,
            high=output.qparams.high,
            range_utilisation=output.range_utilisation,
            saturated=output.saturated,
            noise_share=1 - without.relative / noise if noise else 0.0,
            agreement_back=_back(without.classes, rounded, found.exact.classes),
            top1_back=_back(without.classes, rounded, classes),
        )
        for position, (part, output, without) in enumerate(zip(parts, outputs, found.without, strict=True))
    )


def _is_in_float(quantized: QuantizedNetwork, part: Part) -> bool:
    """Whether nothing in the layer is rounded, nor its output by its readers."""
    readers = [reader for reader in part.nodes[-1].users if reader.op != "output"]
    return not any(quantized.is_integer(node) for node in (*part.nodes, *readers))


class _Counter:
    """Counts what is done, and reports it."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._done, self.total = progress, 0, 0

    def __call__(self) -> None:
        self._done += 1
        self._progress(self._done, self.total)


class _Forms:
    """The network with all of its roundings, and without those of one part at a time."""

    def __init__(self, quantized: QuantizedNetwork, parts: list[Part], shifts: dict[fx.Node, Tensor]) -> None:
        self._quantized, self._parts, self._shifts = quantized, parts, shifts
        self._nodes = list(computing(quantized.network))

    def noise(self, samples: Inputs, reference: fx.GraphModule, report: _Counter) -> _Noise:
        """The noise in the outputs, with all roundings, and without each part's."""
        of_logits = self._quantized.classifies
        exactly, rounded, *without = (OutputNoise(of_logits=of_logits) for _ in range(len(self._parts) + 2))
        starts = {part.nodes[0]: number for number, part in enumerate(self._parts)}
        simulation = Simulation(self._quantized)
        for batch in in_batches(samples, BATCH):
            exact = as_inputs(reference(*batch))
            exactly.take(exact, exact)
            values, feeds = Values(), by_input(self._quantized.network, batch)
            for place, node in enumerate(self._nodes):
                if (number := starts.get(node)) is not None:
                    # Nothing before a part depends on it: each run starts at its part.
                    rest = self._nodes[place:]
                    outputs = self._rest(self._parts[number], rest, values.copy(), feeds)
                    without[number].take(exact, outputs)
                    report()
                values.put(node, simulation.finish(node, given_by(simulation, node, values, feeds)))
            rounded.take(exact, values.outputs(self._quantized.network))
        return _Noise(exactly, rounded, without)

    def _rest(self, part: Part, nodes: list[fx.Node], values: Values, feeds: Feeds) -> Inputs:
        # An integer operator would round the result of a float operator.
        kept = self._quantized.float_layers - {tensor_name(node) for node in part.nodes}
        simulation = Simulation(replace(self._quantized, float_layers=kept))
        for node in nodes:
            if node in part.nodes:
                result = self._unrounded(node, values, feeds)
            else:
                result = simulation.finish(node, given_by(simulation, node, values, feeds))
            values.put(node, result)
        return values.outputs(self._quantized.network)

    def _unrounded(self, node: fx.Node, values: Values, feeds: Feeds) -> Tensor:
        layer = module_of(node)
        if layer is None:
            return feeds[node]
        result: Tensor = layer(*values.inputs(node))
        if node not in self._shifts:
            return result
        # The bias is corrected for the shift by rounded weights, which do not act here.
        return result + along_channels(layer, self._shifts[node], result.ndim)


def _back(without: Tensor | None, rounded: Tensor | None, classes: Tensor | None) -> PairedDifference | None:
    if without is None or rounded is None or classes is None:
        return None
    return paired_difference((without == classes).numpy(), (rounded == classes).numpy())


def _share(answers: Tensor | None, classes: Tensor | None) -> float | None:
    if answers is None or classes is None:
        return None
    return float((answers == classes).double().mean())
