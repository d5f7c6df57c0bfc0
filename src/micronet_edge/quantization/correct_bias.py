"""Sequential bias correction: removes the mean error that quantization adds to each layer's output."""

import torch
from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.graph import inputs_of, module_of, read_last_by
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.simulate import Simulation

_BATCH = 32


def correct_bias(quantized: QuantizedNetwork, images: Tensor) -> None:
    """Corrects the biases of the network in place.

    Layer by layer, with all layers before it quantized and corrected already, each channel gets the mean over
    the images that it has in float32.

    Source: Nagel et al., arXiv 1906.04721, section 4.2, on images instead of batch norm's statistics.
    """
    simulation = Simulation(quantized)
    exact: dict[fx.Node, list[Tensor]] = {}
    found: dict[fx.Node, list[Tensor]] = {}
    with torch.no_grad():
        for node in quantized.network.graph.nodes:
            if node.op == "output":
                return
            if node.op == "placeholder":
                exact[node] = list(torch.split(images, _BATCH))
                found[node] = [simulation.finish(node, batch) for batch in exact[node]]
                continue
            layer = module_of(node)
            assert layer is not None
            exact[node] = [layer(*batch) for batch in _inputs(exact, node)]
            found[node] = [simulation.start(node, *batch) for batch in _inputs(found, node)]
            if isinstance(layer, nn.Conv2d | nn.Linear):
                error = _mean(exact[node]) - _mean(found[node])
                before = simulation.bias(node)
                # `exact` was computed with the bias as it was.
                layer.bias = nn.Parameter(error + (0 if layer.bias is None else layer.bias))
                # Rounding the bias leaves a part of the error, which later layers see.
                change = simulation.bias(node) - before
                found[node] = [batch + change.view(1, -1, *[1] * (batch.ndim - 2)) for batch in found[node]]
            found[node] = [simulation.finish(node, batch) for batch in found[node]]
            for source in read_last_by(node):
                del exact[source], found[source]


def _inputs(values: dict[fx.Node, list[Tensor]], node: fx.Node) -> list[tuple[Tensor, ...]]:
    return list(zip(*(values[source] for source in inputs_of(node)), strict=True))


def _mean(batches: list[Tensor]) -> Tensor:
    """The mean of each channel over all images and positions."""
    return torch.stack([channel_means(batch) for batch in batches]).sum(0) / sum(map(len, batches))


def channel_means(values: Tensor) -> Tensor:
    """The mean over all positions, summed over the images: [c] of [n, c, ...]."""
    return values.flatten(2).mean(2).sum(0) if values.ndim > 2 else values.sum(0)  # noqa: PLR2004
