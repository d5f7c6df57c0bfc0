"""Sensitivity analysis: what each layer of a quantized network loses, and regains in float32."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil

import torch
from torch import Tensor, fx

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.quantization.layer_outputs import (
    BATCH,
    Part,
    Values,
    computing,
    decibels,
    given_by,
    look_at,
    parts_of,
)
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import tensor_name
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.util.statistics import PairedDifference, paired_difference
from micronet_edge.util.threads import one_thread

Progress = Callable[[int, int], None]
Labelled = tuple[Tensor, Tensor]
"""Images [n, 3, size, size] and their classes [n]."""


@dataclass(frozen=True, slots=True)
class LayerSensitivity:
    """One layer of the network, or its input: the quality of its output, and the effect on the logits.

    `sqnr_db` is that of its output, with all layers before it quantized. `low` and `high` are the ends of
    its range, `range_utilisation` the part of its integers that occur, `saturated` the part of the values
    beyond the range.

    The others say what the network regains if this layer alone stays in float32 and its output is not
    rounded, which is close to 16 bits. `noise_share` is the part of the noise in the logits that vanishes,
    negative if it grows; top-1 and agreement are in points. A layer that is `in_float` has no rounding to
    leave out; its quantization parameters are those that it would have.
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
    agreement_back: PairedDifference
    top1_back: PairedDifference | None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """A quantized network's layers, in order of execution, and the network as a whole.

    Layers' outputs are those on `calibration_images` images, logits those on `measured_images`, which are
    labelled unless there is no top-1. `agreement` is the part of the images, 0 to 1, on which the quantized
    network and the float network predict the same class.
    """

    rows: tuple[LayerSensitivity, ...]
    bits: int
    calibration_images: int
    measured_images: int
    sqnr_db: float
    agreement: float
    top1_float: float | None
    top1_quantized: float | None

    @property
    def by_sensitivity(self) -> tuple[LayerSensitivity, ...]:
        """The most sensitive first, by noise, which differs where a few images do not; float ones last."""
        return tuple(sorted(self.rows, key=lambda row: (row.in_float, -row.noise_share)))


def analyze(
    quantized: QuantizedNetwork,
    reference: fx.GraphModule,
    images: Tensor,
    labelled: Labelled | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Sensitivity:
    """Analyzes every layer of a quantized network.

    Args:
        quantized: a quantized network.
        reference: the same network, decomposed, in float32 with its original weights.
        images: preprocessed, like those that it was calibrated on.
        labelled: for top-1. Without them, logits are those on `images`, and there is no top-1.
        progress: receives how much of how much is done.
    """
    measured, classes = labelled or (images, None)
    report = _Counter(progress)
    parts = parts_of(quantized.network)
    report.total = ceil(len(images) / BATCH) + ceil(len(measured) / BATCH) * len(parts)
    with torch.no_grad(), one_thread():
        outputs, shifts = look_at(quantized, reference, images, parts, report)
        forms = _Forms(quantized, parts, shifts)
        exact, rounded, without = forms.logits(measured, reference, report)
    answers = exact.argmax(1)
    noise = _noise(exact, rounded)
    rows = [
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
            noise_share=1 - _noise(exact, logits) / noise if noise else 0.0,
            agreement_back=_back(logits, rounded, answers),
            top1_back=None if classes is None else _back(logits, rounded, classes),
        )
        for position, (part, output, logits) in enumerate(zip(parts, outputs, without, strict=True))
    ]
    return Sensitivity(
        rows=tuple(rows),
        bits=quantized.bits,
        calibration_images=len(images),
        measured_images=len(measured),
        sqnr_db=decibels(1, noise),
        agreement=_share(rounded, answers),
        top1_float=None if classes is None else _share(exact, classes),
        top1_quantized=None if classes is None else _share(rounded, classes),
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

    def logits(
        self, images: Tensor, reference: fx.GraphModule, report: _Counter
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """The logits [n, classes] of the float network, with all roundings, and without each part's."""
        exact, rounded = [], []
        without: list[list[Tensor]] = [[] for _ in self._parts]
        starts = {part.nodes[0]: number for number, part in enumerate(self._parts)}
        simulation = Simulation(self._quantized)
        for batch in torch.split(images, BATCH):
            exact.append(reference(batch))
            values = Values()
            for place, node in enumerate(self._nodes):
                if (number := starts.get(node)) is not None:
                    # Nothing before a part depends on it: each run starts at its part.
                    rest = self._nodes[place:]
                    without[number].append(self._rest(self._parts[number], rest, values.copy(), batch))
                    report()
                given = given_by(simulation, node, values, batch)
                last = values.put(node, simulation.finish(node, given))
            rounded.append(last)
        return torch.cat(exact), torch.cat(rounded), [torch.cat(batches) for batches in without]

    def _rest(self, part: Part, nodes: list[fx.Node], values: Values, images: Tensor) -> Tensor:
        # An integer operator would round the result of a float operator.
        kept = self._quantized.float_layers - {tensor_name(node) for node in part.nodes}
        simulation = Simulation(replace(self._quantized, float_layers=kept))
        for node in nodes:
            if node in part.nodes:
                result = self._unrounded(node, values, images)
            else:
                result = simulation.finish(node, simulation.start(node, *values.inputs(node)))
            values.put(node, result)
        return result

    def _unrounded(self, node: fx.Node, values: Values, images: Tensor) -> Tensor:
        layer = module_of(node)
        if layer is None:
            return images
        result: Tensor = layer(*values.inputs(node))
        if node not in self._shifts:
            return result
        # The bias is corrected for the shift by rounded weights, which do not act here.
        return result + self._shifts[node].view(1, -1, *[1] * (result.ndim - 2))


def _noise(exact: Tensor, found: Tensor) -> float:
    """The noise in logits relative to the signal, both without what all classes share."""
    signal, error = (logits - logits.mean(1, keepdim=True) for logits in (exact, found - exact))
    return float(error.square().sum() / signal.square().sum())


def _back(without: Tensor, rounded: Tensor, classes: Tensor) -> PairedDifference:
    return paired_difference((without.argmax(1) == classes).numpy(), (rounded.argmax(1) == classes).numpy())


def _share(logits: Tensor, classes: Tensor) -> float:
    return float((logits.argmax(1) == classes).double().mean())
