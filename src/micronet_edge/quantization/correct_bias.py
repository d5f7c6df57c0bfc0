"""Sequential bias correction: removes the mean error that quantization adds to each layer's output."""

import torch
from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.graph import inputs, inputs_of, module_of, read_last_by
from micronet_edge.quantization.channel_means import by_channel, channel_means
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.samples import Given, in_batches
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.quantization.stored_weights import MATRICES, along_channels

_BATCH = 32


def correct_bias(quantized: QuantizedNetwork, given: Given) -> None:
    """Corrects the biases of the network in place, on samples of every input.

    Layer by layer, with all layers before it quantized and corrected already, each channel gets the mean over
    the samples that it has in float32.

    Source: Nagel et al., arXiv 1906.04721, section 4.2, on images instead of batch norm's statistics.
    """
    simulation, batches = Simulation(quantized), list(in_batches(given, _BATCH))
    places = {node: place for place, node in enumerate(inputs(quantized.network))}
    exact: dict[fx.Node, list[Tensor]] = {}
    found: dict[fx.Node, list[Tensor]] = {}
    with torch.no_grad():
        for node in quantized.network.graph.nodes:
            if node.op == "output":
                return
            if node.op == "placeholder":
                exact[node] = [batch[places[node]] for batch in batches]
                found[node] = [simulation.finish(node, batch) for batch in exact[node]]
                continue
            layer = module_of(node)
            assert layer is not None
            exact[node] = [layer(*batch) for batch in _inputs(exact, node)]
            found[node] = [simulation.start(node, *batch) for batch in _inputs(found, node)]
            if isinstance(layer, MATRICES):
                error = _mean(node, exact[node]) - _mean(node, found[node])
                before = simulation.bias(node)
                # `exact` was computed with the bias as it was.
                layer.bias = nn.Parameter(error + (0 if layer.bias is None else layer.bias))
                # Rounding the bias leaves a part of the error, which later layers see.
                change = simulation.bias(node) - before
                found[node] = [batch + along_channels(layer, change, batch.ndim) for batch in found[node]]
            found[node] = [simulation.finish(node, batch) for batch in found[node]]
            for source in read_last_by(node):
                del exact[source], found[source]


def _inputs(values: dict[fx.Node, list[Tensor]], node: fx.Node) -> list[tuple[Tensor, ...]]:
    return list(zip(*(values[source] for source in inputs_of(node)), strict=True))


def _mean(node: fx.Node, batches: list[Tensor]) -> Tensor:
    """The mean of each channel over all images and positions."""
    sorted_ = [by_channel(node, batch) for batch in batches]
    return torch.stack(list(map(channel_means, sorted_))).sum(0) / sum(map(len, sorted_))
