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
from micronet_edge.lowering.graph import calls, inputs_of, is_flatten, module_of, shape_of
from micronet_edge.lowering.layer_writer import LayerWriter

SHIFT_MAX = "shift_max"
"""Where a node's meta tells the Dynamic Shift-Max that it computes a part of."""

_HALF_SPAN = RELU6_SPAN / 2
_MOST_FUSIONS = 2


class SpellOutLayers(Rewrite):
    """Leaves no layer that computes more than one operator, so that each tensor has a name.

    Given    BorderedConv, FrozenShiftMax, Hardswish, x + y, x * y, flatten
    Result   the same numbers from convolutions, linear layers, means, clips and `elementary` layers

    A fusion of shifted inputs becomes a product with a matrix of each image's own where that costs
    less: it then sums in the accumulator, and no product is rounded.

    In a network that will be `rounded` every coefficient comes of a convolution of its own, which gives
    it a range of its own. One that stays in float gets all of them at once, and keeps its hard swishes
    and the layers that are unknown here.
    """

    def __init__(self, costs: Costs, *, rounded: bool = True) -> None:
        self.costs, self.rounded = costs, rounded

    def change(self, network: fx.GraphModule) -> int:
        places = 0
        for node in list(network.graph.nodes):
            spelled = self._spelled_out(network, node)
            if spelled is not None:
                spelled.meta.update(node.meta)  # the next layer may ask for its shape
                node.replace_all_uses_with(spelled)
                network.graph.erase_node(node)
                places += 1
        return places

    def check_after(self, network: fx.GraphModule) -> None:
        for node in network.graph.nodes:
            if self.rounded and node.op not in {"placeholder", "call_module", "output"}:
                raise LoweringError(f"{node.name} is no layer")
        for kind in (BorderedConv, FrozenShiftMax, *([nn.Hardswish] if self.rounded else [])):
            for node, _ in calls(network, kind):
                raise LoweringError(f"{node.target} is not spelled out")

    def _spelled_out(self, network: fx.GraphModule, node: fx.Node) -> fx.Node | None:
        layer = module_of(node)
        write = _Writer(network, node, str(node.target))
        match layer:
            case BorderedConv():
                return _bordered_conv(layer, write, *node.all_input_nodes)
            case FrozenShiftMax():
                write = _Writer(network, node, str(node.target), shift_max=str(node.target))
                return self._shift_max(layer, write, *node.all_input_nodes)
            case nn.Hardswish() if self.rounded:
                return _hard_swish(write, *node.all_input_nodes)
        if node.op == "call_method" and is_flatten(node):
            return write("", nn.Flatten(1), *node.all_input_nodes)
        return _joined(network, node)

    def _shift_max(self, layer: FrozenShiftMax, write: "_Writer", x: fx.Node) -> fx.Node:
        if layer.fusions > _MOST_FUSIONS and self.rounded:
            raise LoweringError(
                f"{x.name} enters an activation of {layer.fusions} fusions: a maximum takes two"
            )
        pays = layer.shifts > 1 and self.costs.mixing_pays(layer.channels, prod(shape_of(x)[2:]))
        mixes = pays and _disjoint(layer.sources)
        first = _shifted(write, x, layer.sources[0], 0)
        rest = [] if mixes else [_shifted(write, x, source, j) for j, source in enumerate(layer.sources) if j]
        squeezed = _squeezed(layer, write, first)
        coefficients = _apart if self.rounded else _together
        fused = []
        for k, chosen in enumerate(coefficients(layer, write, squeezed)):
            prefix = f"fusion{k}"
            fused.append(
                _mixed(layer, write, prefix, x, chosen)
                if mixes
                else _summed(write, prefix, [first, *rest], chosen)
            )
        return _largest(write, fused)


def shift_max_of(node: fx.Node) -> str | None:
    """The Dynamic Shift-Max that the node computes a part of, whatever the layers are called."""
    name = node.meta.get(SHIFT_MAX)
    return None if name is None else str(name)


class _Writer(LayerWriter):
    """Names the layers that it adds under the one that they replace."""

    def __init__(
        self, network: fx.GraphModule, node: fx.Node, prefix: str, *, shift_max: str | None = None
    ) -> None:
        super().__init__(network, node, prefix)
        self._prefix, self._shift_max = prefix, shift_max

    def __call__(self, name: str, layer: nn.Module, *inputs: fx.Node) -> fx.Node:
        written = super().__call__(f"{self._prefix}/{name}" if name else self._prefix, layer, *inputs)
        if self._shift_max is not None:
            written.meta[SHIFT_MAX] = self._shift_max
        return written


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


def _largest(write: _Writer, fused: list[fx.Node]) -> fx.Node:
    largest = fused[0]
    for number, other in enumerate(fused[1:], start=1):
        largest = write(
            "maximum" if number == len(fused) - 1 else f"maximum{number}", Maximum(), largest, other
        )
    return largest


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


def _apart(layer: FrozenShiftMax, write: _Writer, squeezed: fx.Node) -> list[list[fx.Node]]:
    return [
        [_coefficient(layer, write, squeezed, k, j) for j in range(layer.shifts)]
        for k in range(layer.fusions)
    ]


def _coefficient(layer: FrozenShiftMax, write: _Writer, squeezed: fx.Node, k: int, j: int) -> fx.Node:
    """A convolution of its own for each coefficient: it gives the number itself, on a range of its own."""
    part, prefix = _part(layer, k, j), f"fusion{k}"
    (offset,) = set(layer.offset.flatten()[part].tolist())
    excite = layer.excite
    assert excite.bias is not None
    weight, bias = excite.weight[part] * layer.scale, (excite.bias[part] + offset) * layer.scale
    y = write(f"{prefix}_excite{j}", with_weights(excite, weight, bias), squeezed)
    low, high = offset * layer.scale, (offset + RELU6_SPAN) * layer.scale
    return write(f"{prefix}_coefficient{j}", nn.Hardtanh(low, high), y)


def _together(layer: FrozenShiftMax, write: _Writer, squeezed: fx.Node) -> list[list[fx.Node]]:
    """One convolution for all coefficients, one clip and one addition."""
    gate = write("gate", nn.ReLU6(), write("excite", layer.excite, squeezed))
    all_ = write("coefficients", AddConstant(layer.offset), gate)
    if layer.scale != 1.0:
        all_ = write("scaled", MultiplyConstant(torch.tensor(layer.scale)), all_)
    parts = [[_part(layer, k, j) for j in range(layer.shifts)] for k in range(layer.fusions)]
    return [
        [
            write(f"fusion{k}_coefficient{j}", Channels(part.start, part.stop), all_)
            for j, part in enumerate(row)
        ]
        for k, row in enumerate(parts)
    ]


def _part(layer: FrozenShiftMax, k: int, j: int) -> slice:
    """The channels of fusion k and shift j among all coefficients."""
    first = (k * layer.shifts + j) * layer.channels
    return slice(first, first + layer.channels)


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
