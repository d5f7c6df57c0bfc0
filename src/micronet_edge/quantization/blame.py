"""Which layers of a quantized network are to blame: what each loses, and what comes back without that."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from math import log10

import torch
from torch import Tensor, fx, nn

from micronet_edge.lowering.graph import module_of
from micronet_edge.quantization.grid import Grid
from micronet_edge.quantization.layers import layers
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.rounded_tensors import IMAGE, tensor_name
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.statistics import PairedDifference, paired_difference
from micronet_edge.threads import one_thread

Progress = Callable[[int, int], None]
Labelled = tuple[Tensor, Tensor]
"""Images [n, 3, size, size] and their classes [n]."""

MOST_DB = 150.0
"""Where noise is less, float32 itself has as much."""

_BATCH = 64


@dataclass(frozen=True, slots=True)
class LayerBlame:
    """One layer of the network, or its input: what it gives, and what it costs.

    `sqnr_db` is of its output, with all layers before it rounded. `low` and `high` are the ends of the
    output's grid, `used_steps` the part of the grid's numbers that occur, `saturated` the part of the
    values that lie beyond it.

    The others say what comes back if this layer alone is kept in float and its output is handed on
    unrounded, as 16 bits all but do: `noise_share` is the part of the noise in the logits that goes,
    negative where it grows; top-1 and agreement are in points.
    """

    layer: str
    operators: tuple[str, ...]
    position: int
    sqnr_db: float
    low: float
    high: float
    used_steps: float
    saturated: float
    noise_share: float
    agreement_back: PairedDifference
    top1_back: PairedDifference | None


@dataclass(frozen=True, slots=True)
class Blame:
    """A quantized network's layers, in order of execution, and the network as a whole.

    The layers' outputs were looked at on `calibration_images`, the logits on `measured_images`, which
    are labelled unless there is no top-1. `agreement` is the part of the images on which the network
    names the same class as in float. Shares are 0 to 1.
    """

    rows: tuple[LayerBlame, ...]
    bits: int
    calibration_images: int
    measured_images: int
    sqnr_db: float
    agreement: float
    top1_float: float | None
    top1_quantized: float | None

    @property
    def by_guilt(self) -> tuple[LayerBlame, ...]:
        """The worst first: by noise, which tells layers apart where a few images more or less do not."""
        return tuple(sorted(self.rows, key=lambda row: -row.noise_share))


def blame(
    quantized: QuantizedNetwork,
    reference: fx.GraphModule,
    images: Tensor,
    labelled: Labelled | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Blame:
    """Looks at every layer of a quantized network.

    Given    a quantized network, and the same spelled out in float with the weights as they were;
             preprocessed images, such as it was calibrated on; labelled ones, for top-1; `progress` is
             told how much of how much is done
    Result   for each layer what its output loses, and what comes back without it. Without labelled
             images the same images are asked for the answers, and there is no top-1.
    """
    measured, classes = labelled or (images, None)
    report = _Steps(progress)
    parts = _parts(quantized.network)
    report.total = len(images.split(_BATCH)) + len(measured.split(_BATCH)) * len(parts)
    with torch.no_grad(), one_thread():
        outputs, shifts = _looked_at(quantized, reference, images, parts, report)
        asked = _Asked(quantized, parts, shifts)
        exact, rounded, without = asked.logits(measured, reference, report)
    answers = exact.argmax(1)
    noise = _noise(exact, rounded)
    rows = [
        LayerBlame(
            layer=part.name,
            operators=part.operators,
            position=position,
            sqnr_db=output.sqnr_db,
            low=output.grid.low,
            high=output.grid.high,
            used_steps=output.used_steps,
            saturated=output.saturated,
            noise_share=1 - _noise(exact, logits) / noise if noise else 0.0,
            agreement_back=_back(logits, rounded, answers),
            top1_back=None if classes is None else _back(logits, rounded, classes),
        )
        for position, (part, output, logits) in enumerate(zip(parts, outputs, without, strict=True))
    ]
    return Blame(
        rows=tuple(rows),
        bits=quantized.bits,
        calibration_images=len(images),
        measured_images=len(measured),
        sqnr_db=_decibels(1, noise),
        agreement=_share(rounded, answers),
        top1_float=None if classes is None else _share(exact, classes),
        top1_quantized=None if classes is None else _share(rounded, classes),
    )


class _Steps:
    """Counts what is done."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._done, self.total = progress, 0, 0

    def __call__(self) -> None:
        self._done += 1
        self._progress(self._done, self.total)


@dataclass(frozen=True, slots=True)
class _Part:
    """A layer, or the image, with its nodes in order; the last one gives its output."""

    name: str
    operators: tuple[str, ...]
    nodes: tuple[fx.Node, ...]


def _parts(network: fx.GraphModule) -> list[_Part]:
    nodes = {tensor_name(node): node for node in network.graph.nodes if node.op != "output"}
    grouped = {name: tuple(nodes[each] for each in operators) for name, operators in layers(network).items()}
    image = _Part(IMAGE, (), (nodes[IMAGE],))
    return [image, *(_Part(name, tuple(map(tensor_name, own)), own) for name, own in grouped.items())]


class _Values:
    """What the nodes gave, as long as somebody still reads it."""

    def __init__(self, values: dict[fx.Node, Tensor] | None = None) -> None:
        self._values = values or {}

    def copy(self) -> "_Values":
        return _Values(dict(self._values))

    def inputs(self, node: fx.Node) -> list[Tensor]:
        return [self._values[source] for source in node.all_input_nodes]

    def put(self, node: fx.Node, value: Tensor) -> Tensor:
        self._values[node] = value
        for source in node.all_input_nodes:
            if list(source.users)[-1] is node:
                self._values.pop(source, None)
        return value


# --- The layers' outputs


@dataclass(slots=True)
class _Output:
    """What is counted of a tensor, batch by batch."""

    grid: Grid
    signal: float = 0.0
    noise: float = 0.0
    values: int = 0
    beyond: int = 0
    used: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.used = torch.zeros(1 << self.grid.bits, dtype=torch.bool)

    def take(self, exact: Tensor, given: Tensor, found: Tensor) -> None:
        """Values in float; in the quantized network, before and after they are rounded."""
        self.signal += float(exact.square().sum(dtype=torch.float64))
        self.noise += float((exact - found).square().sum(dtype=torch.float64))
        steps = (given / self.grid.scale).round() + self.grid.zero_point
        inside = steps.clamp(self.grid.lowest, self.grid.highest)
        self.values += steps.numel()
        self.beyond += int((steps != inside).sum())
        self.used[(inside - self.grid.lowest).long().unique()] = True

    @property
    def sqnr_db(self) -> float:
        return _decibels(self.signal, self.noise)

    @property
    def used_steps(self) -> float:
        return float(self.used.float().mean())

    @property
    def saturated(self) -> float:
        return self.beyond / self.values


def _looked_at(
    quantized: QuantizedNetwork, reference: fx.GraphModule, images: Tensor, parts: list[_Part], report: _Steps
) -> tuple[list[_Output], dict[fx.Node, Tensor]]:
    """The output of each part; and by how much the rounding of a layer's weights shifts each channel."""
    outputs = {part.nodes[-1]: _Output(quantized.grids[tensor_name(part.nodes[-1])]) for part in parts}
    shifts: dict[fx.Node, Tensor] = {}
    simulation = Simulation(quantized)
    for batch in images.split(_BATCH):
        rounded, exact = _Values(), _Values()
        for node in _computing(quantized.network):
            given = _given(simulation, node, rounded, batch)
            layer = module_of(node)
            if isinstance(layer, nn.Conv2d | nn.Linear):
                error = given - layer(*rounded.inputs(node))
                shifts[node] = shifts.get(node, torch.zeros(())) + _channel_means(error) / len(images)
            found = rounded.put(node, simulation.finish(node, given))
            value = exact.put(node, _of_reference(reference, node, exact, batch))
            if node in outputs:
                outputs[node].take(value, given, found)
        report()
    return list(outputs.values()), shifts


def _computing(network: fx.GraphModule) -> Iterator[fx.Node]:
    return (node for node in network.graph.nodes if node.op != "output")


def _given(simulation: Simulation, node: fx.Node, values: _Values, images: Tensor) -> Tensor:
    return images if node.op == "placeholder" else simulation.start(node, *values.inputs(node))


def _of_reference(reference: fx.GraphModule, node: fx.Node, values: _Values, images: Tensor) -> Tensor:
    if node.op == "placeholder":
        return images
    result: Tensor = reference.get_submodule(str(node.target))(*values.inputs(node))
    return result


def _channel_means(values: Tensor) -> Tensor:
    """The mean over all places, summed over the images: [c] of [n, c, ...]."""
    return values.flatten(2).mean(2).sum(0) if values.ndim > 2 else values.sum(0)  # noqa: PLR2004


# --- The network's answers


class _Asked:
    """The network with all of its roundings, and without those of one part."""

    def __init__(
        self, quantized: QuantizedNetwork, parts: list[_Part], shifts: dict[fx.Node, Tensor]
    ) -> None:
        self._quantized, self._parts, self._shifts = quantized, parts, shifts
        self._nodes = list(_computing(quantized.network))

    def logits(
        self, images: Tensor, reference: fx.GraphModule, report: _Steps
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """The logits [n, classes] in float; with all roundings; and, for each part, without its own."""
        exact, rounded = [], []
        without: list[list[Tensor]] = [[] for _ in self._parts]
        starts = {part.nodes[0]: number for number, part in enumerate(self._parts)}
        simulation = Simulation(self._quantized)
        for batch in images.split(_BATCH):
            exact.append(reference(batch))
            values = _Values()
            for place, node in enumerate(self._nodes):
                if (number := starts.get(node)) is not None:
                    # What comes before a part does not depend on it: each run starts at its part.
                    rest = self._nodes[place:]
                    without[number].append(self._rest(self._parts[number], rest, values.copy(), batch))
                    report()
                given = _given(simulation, node, values, batch)
                last = values.put(node, simulation.finish(node, given))
            rounded.append(last)
        return torch.cat(exact), torch.cat(rounded), [torch.cat(batches) for batches in without]

    def _rest(self, part: _Part, nodes: list[fx.Node], values: _Values, images: Tensor) -> Tensor:
        # An integer operator would round what it reads of a float one.
        integer = replace(self._quantized, float_layers=self._quantized.float_layers - set(part.operators))
        simulation = Simulation(integer)
        for node in nodes:
            if node in part.nodes:
                result = self._unrounded(node, values, images)
            else:
                result = simulation.finish(node, simulation.start(node, *values.inputs(node)))
            values.put(node, result)
        return result

    def _unrounded(self, node: fx.Node, values: _Values, images: Tensor) -> Tensor:
        layer = module_of(node)
        if layer is None:
            return images
        result: Tensor = layer(*values.inputs(node))
        if node not in self._shifts:
            return result
        # The bias was corrected for what the rounded weights do to the mean, which now stays undone.
        return result + self._shifts[node].view(1, -1, *[1] * (result.ndim - 2))


def _noise(exact: Tensor, found: Tensor) -> float:
    """The noise in logits relative to what tells the classes apart: what all share changes no answer."""
    signal, error = (logits - logits.mean(1, keepdim=True) for logits in (exact, found - exact))
    return float(error.square().sum() / signal.square().sum())


def _back(without: Tensor, rounded: Tensor, classes: Tensor) -> PairedDifference:
    return paired_difference((without.argmax(1) == classes).numpy(), (rounded.argmax(1) == classes).numpy())


def _share(logits: Tensor, classes: Tensor) -> float:
    return float((logits.argmax(1) == classes).double().mean())


def _decibels(signal: float, noise: float) -> float:
    if noise == 0:
        return MOST_DB
    return max(-MOST_DB, min(MOST_DB, 10 * log10(signal / noise))) if signal else -MOST_DB
