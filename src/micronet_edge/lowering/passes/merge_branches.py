"""Writes branches of convolutions that are added as one convolution."""

import operator

import torch
from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import bias_of, with_weights
from micronet_edge.lowering.ir.graph import (
    inputs_of,
    module_of,
    only_input,
    only_reader,
    replace_module,
    shape_of,
)
from micronet_edge.lowering.ir.graph_builder import LAYER, layer_of
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import Add, AddConstant, MultiplyConstant
from micronet_edge.lowering.passes.fold_constants import by_channel


class MergeBranches(Pass):
    """Merges blocks as they are trained: several convolutions of one tensor, and its norm, all added up.

    Given    x -> Conv2d -> a; x -> Conv2d, or MultiplyConstant and AddConstant for each channel -> b; a + b,
             where nothing else reads a and b, and one kernel covers the other
    Result   x -> Conv2d -> a + b

    Source: Ding et al., RepVGG, arXiv 2101.03697, section 3.3.
    """

    def change(self, network: fx.GraphModule) -> int:
        places = 0
        for node in list(network.graph.nodes):
            found = _merged(node)
            if found is not None:
                _replace(network, node, *found)
                places += 1
        network.graph.eliminate_dead_code()
        return places

    def check_after(self, network: fx.GraphModule) -> None:
        for node in network.graph.nodes:
            if _merged(node) is not None:
                raise LoweringError(f"{node.name} could have been merged")


def _merged(node: fx.Node) -> tuple[fx.Node, nn.Conv2d] | None:
    """The tensor and the one convolution of it that a sum is."""
    if not _is_sum(node):
        return None
    branches = inputs_of(node)
    if len(set(branches)) == 1 or any(only_reader(branch) is not node for branch in branches):
        return None
    for conv, other in (branches, branches[::-1]):
        made = _covering(conv, other) or _with_norm(conv, other)
        if made is not None:
            return only_input(conv), made
    return None


def _is_sum(node: fx.Node) -> bool:
    adds = node.target in {operator.add, torch.add} if node.op == "call_function" else False
    pair = inputs_of(node)
    same = all(shape_of(each) == shape_of(node) for each in pair)
    return (adds or isinstance(module_of(node), Add)) and len(pair) == 2 and same and not node.kwargs  # noqa: PLR2004


def _conv(node: fx.Node) -> nn.Conv2d | None:
    layer = module_of(node)
    plain = isinstance(layer, nn.Conv2d) and layer.padding_mode == "zeros"
    return layer if isinstance(layer, nn.Conv2d) and plain and not isinstance(layer.padding, str) else None


def _covering(node: fx.Node, other: fx.Node) -> nn.Conv2d | None:
    """The sum of two convolutions, if the first one's kernel has all places of the second one's."""
    large, small = _conv(node), _conv(other)
    if large is None or small is None or only_input(node) is not only_input(other):
        return None
    if (large.groups, large.stride) != (small.groups, small.stride):
        return None
    rows, columns = (_places(large, small, axis) for axis in (0, 1))
    if rows is None or columns is None:
        return None
    weight = large.weight.detach().double().clone()
    grid = torch.meshgrid(torch.tensor(rows), torch.tensor(columns), indexing="ij")
    weight[:, :, grid[0], grid[1]] += small.weight.detach().double()
    has_bias = large.bias is not None or small.bias is not None
    bias = bias_of(large).double() + bias_of(small).double()
    return with_weights(large, weight, bias if has_bias else None)


def _places(large: nn.Conv2d, small: nn.Conv2d, axis: int) -> list[int] | None:
    """Where the small kernel's rows or columns lie in the large one."""
    start = int(large.padding[axis]) - int(small.padding[axis])
    found = [start + place * small.dilation[axis] for place in range(small.kernel_size[axis])]
    step, length = large.dilation[axis], large.kernel_size[axis]
    inside = all(each % step == 0 and 0 <= each < step * length for each in found)
    return [each // step for each in found] if inside else None


def _with_norm(node: fx.Node, other: fx.Node) -> nn.Conv2d | None:
    """A convolution plus a norm of the tensor that it reads."""
    conv, norm = _conv(node), _norm_of(other, only_input(node)) if _conv(node) is not None else None
    if conv is None or norm is None or set(conv.stride) != {1} or conv.in_channels != conv.out_channels:
        return None
    scale, offset = norm
    one = nn.Conv2d(conv.in_channels, conv.out_channels, 1, groups=conv.groups, bias=False)
    row, column = (_places(conv, one, axis) for axis in (0, 1))
    if row is None or column is None:
        return None
    outputs = torch.arange(conv.out_channels)
    weight = conv.weight.detach().double().clone()
    weight[outputs, outputs % weight.shape[1], row[0], column[0]] += scale
    return with_weights(conv, weight, bias_of(conv).double() + offset)


def _norm_of(node: fx.Node, x: fx.Node) -> tuple[Tensor, Tensor] | None:
    """What each channel of x is multiplied by and shifted by to give the node, if something is."""
    chain: list[fx.Node] = []
    while node is not x:
        single = isinstance(module_of(node), AddConstant | MultiplyConstant) and only_reader(node) is not None
        if not single:
            return None
        chain.append(node)
        node = only_input(node)
    channels = shape_of(x)[1]
    scale, offset = torch.ones(channels).double(), torch.zeros(channels).double()
    for each in reversed(chain):
        values = by_channel(each, 1)
        if values is None:
            return None
        if isinstance(module_of(each), AddConstant):
            offset = offset + values
        else:
            scale, offset = scale * values, offset * values
    # A tensor as it is stays outside: in integers it would cost the weights their precision.
    scales = any(isinstance(module_of(each), MultiplyConstant) for each in chain)
    return (scale, offset) if scales else None


def _replace(network: fx.GraphModule, node: fx.Node, x: fx.Node, conv: nn.Conv2d) -> None:
    """Puts the convolution in the place of the sum, under the name of its branch."""
    branch = next(each for each in inputs_of(node) if _conv(each) is not None)
    replace_module(network, branch, conv)
    with network.graph.inserting_before(node):
        made = network.graph.call_module(str(branch.target), (x,))
    made.meta = {**node.meta, LAYER: layer_of(branch)}
    node.replace_all_uses_with(made)
    network.graph.erase_node(node)
