"""Cross-layer equalization, where the range of a tensor is too wide for some of its channels."""

import copy
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.graph import calls, module_of
from micronet_edge.lowering.ir.watch import Watched
from micronet_edge.quantization.assign_qparams import assign_qparams
from micronet_edge.quantization.coarse_biases import is_coarse
from micronet_edge.quantization.qparams import Range
from micronet_edge.quantization.quantized_tensors import clip_after, tensor_name
from micronet_edge.quantization.samples import Given, in_batches

MOST = 1e4
"""The largest factor of a channel: one that varies less is as good as constant."""

_BATCH = 32

Factors = dict[str, tuple[float, ...]]


def found_factors(network: fx.GraphModule, ranges: Mapping[str, Range], given: Given, bits: int) -> Factors:
    """The factors of the channels of tensors, by the tensor's name; none for most networks.

    Args:
        network: a decomposed network.
        ranges: by name, of the tensors that have quantization parameters of their own.
        given: samples of every input.
        bits: of an activation, 8 or 16.

    Returns:
        Factors that give all channels of a tensor the same range, where a bias behind it would have too large
        a scale otherwise.

    Source: Nagel et al., arXiv 1906.04721, section 4.1, on the ranges of channels instead of weights.
    """
    tensor_qparams = assign_qparams(network, ranges, bits)
    wanted = {
        node: readers
        for node, readers in _pairs(network)
        if any(is_coarse(each, tensor_qparams) for each in readers)
    }
    if not wanted:
        return {}
    largest = _largest(network, given, {clip_after(node) or node for node in wanted})
    return {
        tensor_name(node): tuple((each.max() / each.clamp(min=float(each.max()) / MOST)).tolist())
        for node in wanted
        if float((each := largest[clip_after(node) or node]).max()) > 0
    }


def equalized(network: fx.GraphModule, factors: Mapping[str, tuple[float, ...]]) -> fx.GraphModule:
    """A copy of the network that multiplies the channels of these tensors, and divides where it reads them.

    It computes the same function.
    """
    if not factors:
        return network
    changed = copy.deepcopy(network)
    with torch.no_grad():
        for node, readers in _pairs(changed):
            if (factor := factors.get(tensor_name(node))) is None:
                continue
            scale, layer = torch.tensor(factor), _convolution(node)
            layer.weight.mul_(scale.view(-1, 1, 1, 1))
            if layer.bias is not None:
                layer.bias.mul_(scale)
            for reader in map(_convolution, readers):
                reader.weight.div_(_by_input(reader, scale))
    return changed


def _pairs(network: fx.GraphModule) -> Iterator[tuple[fx.Node, list[fx.Node]]]:
    """Every convolution whose result only convolutions read, directly or behind a ReLU; and these."""
    for node, _ in calls(network, nn.Conv2d):
        clip = clip_after(node)
        readers = list((clip or node).users)
        scales = clip is None or type(module_of(clip)) is nn.ReLU
        if scales and readers and all(isinstance(module_of(reader), nn.Conv2d) for reader in readers):
            yield node, readers


def _by_input(conv: nn.Conv2d, scale: Tensor) -> Tensor:
    """The scale of each input channel in the shape of the weight [out, in / groups, 1, 1]."""
    each = scale.view(conv.groups, 1, -1)
    return each.expand(-1, conv.out_channels // conv.groups, -1).reshape(conv.out_channels, -1, 1, 1)


def _largest(network: fx.GraphModule, given: Given, nodes: set[fx.Node]) -> dict[fx.Node, Tensor]:
    """The largest magnitude of each channel."""
    found: dict[fx.Node, Tensor] = {}

    def take(node: fx.Node, value: Tensor) -> None:
        if node in nodes:
            channels = value.abs().transpose(0, 1).flatten(1).amax(1)
            found[node] = torch.maximum(found[node], channels) if node in found else channels

    watched = Watched(network, take)
    for batch in in_batches(given, _BATCH):
        watched(*batch)
    return found


def _convolution(node: fx.Node) -> nn.Conv2d:
    layer = module_of(node)
    assert isinstance(layer, nn.Conv2d)
    return layer
