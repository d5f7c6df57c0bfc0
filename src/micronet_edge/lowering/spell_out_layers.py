"""Spells every composite layer out in layers that are one operator each."""

import operator
from math import prod

import numpy as np
import torch
from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.channel_order import segments
from micronet_edge.lowering.contract import Rewrite
from micronet_edge.lowering.convolutions import BorderedConv, with_weights
from micronet_edge.lowering.costs import Costs
from micronet_edge.lowering.elementary import (
    Add,
    AddConstant,
    Channels,
    Concatenate,
    Maximum,
    Mix,
    MixingMatrix,
    Multiply,
    MultiplyConstant,
)
from micronet_edge.lowering.freeze_shift_max import RELU6_SPAN, FrozenShiftMax
from micronet_edge.lowering.graph import calls, inputs_of, module_of, shape_of
from micronet_edge.lowering.layer_writer import LayerWriter

_HALF_SPAN = RELU6_SPAN / 2
_MOST_FUSIONS = 2


class SpellOutLayers(Rewrite):
    """Leaves no layer that computes more than one operator, so that each tensor has a name.

    Given    BorderedConv, FrozenShiftMax, Hardswish, x + y, x * y, flatten
    Result   the same numbers from convolutions, linear layers, means, clips and `elementary` layers

    A fusion of shifted inputs becomes a product with a matrix of each image's own where that costs
    less: it then sums in the accumulator, and no product is rounded.
    """

    def __init__(self, costs: Costs) -> None:
        self.costs = costs

    def change(self, network: fx.GraphModule) -> int:
        places = 0
        for node in list(network.graph.nodes):
            spelled = _spelled_out(network, node, self.costs)
            if spelled is not None:
                spelled.meta.update(node.meta)  # the next layer may ask for its shape
                node.replace_all_uses_with(spelled)
                network.graph.erase_node(node)
                places += 1
        return places

    def check_after(self, network: fx.GraphModule) -> None:
        for node in network.graph.nodes:
            if node.op not in {"placeholder", "call_module", "output"}:
                raise LoweringError(f"{node.name} is no layer")
        for kind in (BorderedConv, FrozenShiftMax, nn.Hardswish):
            for node, _ in calls(network, kind):
                raise LoweringError(f"{node.target} is not spelled out")


class _Writer(LayerWriter):
    """Names the layers that it adds under the one that they replace."""

    def __init__(self, network: fx.GraphModule, node: fx.Node, prefix: str) -> None:
        super().__init__(network, node, prefix)
        self._prefix = prefix

    def __call__(self, name: str, layer: nn.Module, *inputs: fx.Node) -> fx.Node:
        return super().__call__(f"{self._prefix}/{name}" if name else self._prefix, layer, *inputs)


def _spelled_out(network: fx.GraphModule, node: fx.Node, costs: Costs) -> fx.Node | None:
    layer = module_of(node)
    write = _Writer(network, node, str(node.target))
    match layer:
        case BorderedConv():
            return _bordered_conv(layer, write, *node.all_input_nodes)
        case FrozenShiftMax():
            return _shift_max(layer, write, costs, *node.all_input_nodes)
        case nn.Hardswish():
            return _hard_swish(write, *node.all_input_nodes)
    if node.op == "call_method" and node.target == "flatten":
        return write("", nn.Flatten(1), *node.all_input_nodes)
    return _joined(network, node)


def _joined(network: fx.GraphModule, node: fx.Node) -> fx.Node | None:
    """The sum or product of two tensors, named after the block that it stands in."""
    inputs = inputs_of(node)
    if node.op != "call_function" or len(inputs) != len(node.args):
        return None
    block = _block_of(str(inputs[-1].target))
    if node.target in {operator.add, torch.add}:
        return _Writer(network, node, f"{block}/residual")("", Add(), *inputs)
    if node.target in {operator.mul, torch.mul}:
        return _Writer(network, node, f"{block}/{node.name}")("", Multiply(), *inputs)
    return None


def _block_of(path: str) -> str:
    """The block that a layer stands in: features/block4/project/conv -> features/block4."""
    return "/".join(path.split("/")[:2])


def _bordered_conv(layer: BorderedConv, write: _Writer, x: fx.Node) -> fx.Node:
    # Away from the borders the map is one number a channel: the convolution's own bias.
    inside = layer.bias_map[..., layer.bias_map.shape[-1] // 2]
    conv, border = layer.conv, layer.bias_map - inside[..., None]
    bias = inside.flatten() + (conv.bias if conv.bias is not None else 0)
    y = write("conv", with_weights(conv, conv.weight, bias), x)
    return write("border", AddConstant(border), y) if border.any() else y


def _hard_swish(write: _Writer, x: fx.Node) -> fx.Node:
    lifted = write("lifted", AddConstant(torch.tensor(_HALF_SPAN)), x)
    gate = write("gate", nn.ReLU6(), lifted)
    product = write("product", Multiply(), x, gate)
    return write("swish", MultiplyConstant(torch.tensor(1 / RELU6_SPAN)), product)


def _shift_max(layer: FrozenShiftMax, write: _Writer, costs: Costs, x: fx.Node) -> fx.Node:
    if layer.fusions > _MOST_FUSIONS:
        raise LoweringError(f"{x.name} enters an activation of {layer.fusions} fusions: a maximum takes two")
    pays = layer.shifts > 1 and costs.mixing_pays(layer.channels, prod(shape_of(x)[2:]))
    mixes = pays and _disjoint(layer.sources)
    first = _shifted(write, x, layer.sources[0], 0)
    rest = [] if mixes else [_shifted(write, x, source, j) for j, source in enumerate(layer.sources) if j]
    squeezed = _squeezed(layer, write, first)
    fused = []
    for k in range(layer.fusions):
        prefix = f"fusion{k}"
        chosen = [_coefficient(layer, write, squeezed, prefix, k, j) for j in range(layer.shifts)]
        fused.append(
            _mixed(layer, write, prefix, x, chosen)
            if mixes
            else _summed(write, prefix, [first, *rest], chosen)
        )
    return fused[0] if layer.fusions == 1 else write("maximum", Maximum(), *fused)


def _disjoint(sources: tuple[tuple[int, ...], ...]) -> bool:
    """Whether no output takes one input twice: each place of the matrix then holds one coefficient."""
    return all(len(set(inputs)) == len(inputs) for inputs in zip(*sources, strict=True))


def _shifted(write: _Writer, x: fx.Node, source: tuple[int, ...], j: int) -> fx.Node:
    pieces = segments(np.array(source))
    if pieces == [(0, shape_of(x)[1])]:
        return x
    slices = [write(f"shift{j}_{start}_{stop}", Channels(start, stop), x) for start, stop in pieces]
    return slices[0] if len(slices) == 1 else write(f"shift{j}", Concatenate(), *slices)


def _squeezed(layer: FrozenShiftMax, write: _Writer, x: fx.Node) -> fx.Node:
    mean = write("mean", nn.AdaptiveAvgPool2d(1), x)
    return write("squeezed", nn.ReLU(), write("squeeze", layer.squeeze, mean))


def _coefficient(
    layer: FrozenShiftMax, write: _Writer, squeezed: fx.Node, prefix: str, k: int, j: int
) -> fx.Node:
    """A convolution of its own for each coefficient: it gives the number itself, on a range of its own."""
    part = slice((k * layer.shifts + j) * layer.channels, (k * layer.shifts + j + 1) * layer.channels)
    (offset,) = set(layer.offset.flatten()[part].tolist())
    excite = layer.excite
    assert excite.bias is not None
    weight, bias = excite.weight[part] * layer.scale, (excite.bias[part] + offset) * layer.scale
    y = write(f"{prefix}_excite{j}", with_weights(excite, weight, bias), squeezed)
    low, high = offset * layer.scale, (offset + RELU6_SPAN) * layer.scale
    return write(f"{prefix}_coefficient{j}", nn.Hardtanh(low, high), y)


def _mixed(layer: FrozenShiftMax, write: _Writer, prefix: str, x: fx.Node, chosen: list[fx.Node]) -> fx.Node:
    matrix = write(f"{prefix}_matrix", MixingMatrix(layer.sources, shape_of(x)[1]), *chosen)
    return write(f"{prefix}_mix", Mix(), x, matrix)


def _summed(write: _Writer, prefix: str, shifted: list[fx.Node], chosen: list[fx.Node]) -> fx.Node:
    total: fx.Node | None = None
    for j, (x, coefficient) in enumerate(zip(shifted, chosen, strict=True)):
        product = write(f"{prefix}_product{j}", Multiply(), x, coefficient)
        total = product if total is None else write(f"{prefix}_sum{j}", Add(), total, product)
    assert total is not None  # there is at least the input itself
    return total
