"""The outputs of a quantized network's layers on samples, compared with float32."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import log10

import torch
from torch import Tensor, fx

from micronet_edge.lowering.ir.convolutions import bias_of
from micronet_edge.lowering.ir.graph import inputs, inputs_of, module_of, read_last_by
from micronet_edge.quantization.channel_means import by_channel, channel_means
from micronet_edge.quantization.layers import layers
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import tensor_name
from micronet_edge.quantization.samples import Inputs, by_input, count_of, in_batches, outputs_of
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.quantization.stored_weights import MATRICES, along_channels

Feeds = Mapping[fx.Node, Tensor]
"""The samples by the node of their input."""

MOST_DB = 150.0
"""The largest ratio reported: float32 itself has noise of about this size."""

BATCH = 64
"""Samples in memory at a time."""


@dataclass(frozen=True, slots=True)
class Part:
    """A layer, or an input, with its nodes in order; the output is that of the last one."""

    name: str
    operators: tuple[str, ...]
    nodes: tuple[fx.Node, ...]


def parts_of(network: fx.GraphModule) -> list[Part]:
    """The inputs and the layers, in order of execution."""
    nodes = {tensor_name(node): node for node in network.graph.nodes if node.op != "output"}
    grouped = {name: tuple(nodes[each] for each in operators) for name, operators in layers(network).items()}
    given = [Part(tensor_name(node), (), (node,)) for node in inputs(network) if node.users]
    return [*given, *(Part(name, tuple(map(tensor_name, own)), own) for name, own in grouped.items())]


class Values:
    """The tensors of nodes, each until its last reader has run."""

    def __init__(self, values: dict[fx.Node, Tensor] | None = None) -> None:
        self._values = values or {}

    def copy(self) -> "Values":
        return Values(dict(self._values))

    def inputs(self, node: fx.Node) -> list[Tensor]:
        return [self._values[source] for source in inputs_of(node)]

    def outputs(self, network: fx.GraphModule) -> Inputs:
        """The outputs of the network, all of whose nodes have run."""
        return outputs_of(network, self._values)

    def put(self, node: fx.Node, value: Tensor) -> Tensor:
        self._values[node] = value
        for source in read_last_by(node):
            self._values.pop(source, None)
        return value


@dataclass(slots=True)
class Output:
    """Statistics of a quantized tensor, added up batch by batch."""

    qparams: QuantParams
    signal: float = 0.0
    noise: float = 0.0
    values: int = 0
    beyond: int = 0
    used: Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.used = torch.zeros(1 << self.qparams.bits, dtype=torch.bool)

    def take(self, exact: Tensor, given: Tensor, found: Tensor) -> None:
        """Adds a batch: the float network's values; the quantized network's before and after rounding."""
        self.signal += float(exact.square().sum(dtype=torch.float64))
        self.noise += float((exact - found).square().sum(dtype=torch.float64))
        integers = (given / self.qparams.scale).round() + self.qparams.zero_point
        inside = integers.clamp(self.qparams.lowest, self.qparams.highest)
        self.values += integers.numel()
        self.beyond += int((integers != inside).sum())
        counts = torch.bincount((inside - self.qparams.lowest).long().flatten(), minlength=len(self.used))
        self.used |= counts > 0

    @property
    def sqnr_db(self) -> float:
        return decibels(self.signal, self.noise)

    @property
    def range_utilisation(self) -> float:
        return float(self.used.float().mean())

    @property
    def saturated(self) -> float:
        return self.beyond / self.values


def look_at(
    quantized: QuantizedNetwork,
    reference: fx.GraphModule,
    samples: Inputs,
    parts: list[Part],
    report: Callable[[], None],
) -> tuple[list[Output], dict[fx.Node, Tensor]]:
    """The statistics of each part's output, and by how much rounded weights shift each channel of a layer.

    Args:
        quantized: a quantized network.
        reference: the same network, decomposed, in float32.
        samples: of every input.
        parts: of the quantized network.
        report: called after every batch.
    """
    outputs = {
        part.nodes[-1]: Output(quantized.tensor_qparams[tensor_name(part.nodes[-1])]) for part in parts
    }
    shifts: dict[fx.Node, Tensor] = {}
    simulation = Simulation(quantized)
    for batch in in_batches(samples, BATCH):
        rounded, exact, feeds = Values(), Values(), by_input(quantized.network, batch)
        for node in computing(quantized.network):
            given = given_by(simulation, node, rounded, feeds)
            layer = module_of(node)
            if isinstance(layer, MATRICES):
                exactly = layer(*rounded.inputs(node))
                # Leaves out the error of a rounded bias.
                change = along_channels(layer, simulation.bias(node) - bias_of(layer), exactly.ndim)
                error = by_channel(node, given - exactly - change)
                part = len(batch[0]) / count_of(samples) / len(error)
                shifts[node] = shifts.get(node, torch.zeros(())) + channel_means(error) * part
            found = rounded.put(node, simulation.finish(node, given))
            value = exact.put(node, _of_reference(reference, node, exact, feeds))
            if node in outputs:
                outputs[node].take(value, given, found)
        report()
    return list(outputs.values()), shifts


def computing(network: fx.GraphModule) -> Iterator[fx.Node]:
    """The nodes with a tensor, in order of execution."""
    return (node for node in network.graph.nodes if node.op != "output")


def given_by(simulation: Simulation, node: fx.Node, values: Values, feeds: Feeds) -> Tensor:
    """The node's tensor before it is rounded."""
    return feeds[node] if node in feeds else simulation.start(node, *values.inputs(node))


def _of_reference(reference: fx.GraphModule, node: fx.Node, values: Values, feeds: Feeds) -> Tensor:
    if node in feeds:
        return feeds[node]
    result: Tensor = reference.get_submodule(str(node.target))(*values.inputs(node))
    return result


def decibels(signal: float, noise: float) -> float:
    """The ratio of two powers in decibels, between -MOST_DB and MOST_DB."""
    if noise == 0:
        return MOST_DB
    return max(-MOST_DB, min(MOST_DB, 10 * log10(signal / noise))) if signal else -MOST_DB
