"""Spells every composite layer out in layers that are one operator each."""

import operator

import torch
from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.lowering.ir.convolutions import BorderedConv, with_weights
from micronet_edge.lowering.ir.frozen_shift_max import RELU6_SPAN, FrozenShiftMax
from micronet_edge.lowering.ir.graph import calls, inputs_of, is_flatten, module_of
from micronet_edge.lowering.ir.graph_builder import LayerWriter, layer_of, unused
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.places import called
from micronet_edge.lowering.ir.primitives import Add, AddConstant, Multiply, MultiplyConstant
from micronet_edge.lowering.passes.decompose_shift_max import decompose_shift_max

_HALF_SPAN = RELU6_SPAN / 2


class Decompose(Pass):
    """Leaves no layer that computes more than one operator, so that each tensor has a name.

    Given    BorderedConv, FrozenShiftMax, Hardswish, x + y, x * y, flatten
    Result   the same numbers from convolutions, linear layers, means, clips and `elementary` layers

    The nodes of a Dynamic Shift-Max stay one composite. A network that will not be `rounded` keeps its
    hard swishes and the layers that are unknown here. Layers that are `keeps` stay whole in any network: a
    target with a table for a hard swish rounds it once.
    """

    def __init__(
        self, costs: Costs, *, rounded: bool = True, keeps: tuple[type[nn.Module], ...] = ()
    ) -> None:
        self.costs, self.rounded = costs, rounded
        self.keeps = keeps if rounded else (*keeps, nn.Hardswish)

    def change(self, network: fx.GraphModule) -> int:
        places = 0
        for node in list(network.graph.nodes):
            decomposed = self._decomposed(network, node)
            if decomposed is not None:
                decomposed.meta.update(node.meta)  # the next layer may ask for its shape
                node.replace_all_uses_with(decomposed)
                network.graph.erase_node(node)
                places += 1
        return places

    def check_after(self, network: fx.GraphModule) -> None:
        for node in network.graph.nodes:
            if self.rounded and node.op not in {"placeholder", "call_module", "output"}:
                raise LoweringError(f"{node.name} is no layer")
        for kind in (BorderedConv, FrozenShiftMax, nn.Hardswish):
            for node, layer in calls(network, kind):
                if not isinstance(layer, self.keeps):
                    raise LoweringError(f"{node.target} is not spelled out")

    def _decomposed(self, network: fx.GraphModule, node: fx.Node) -> fx.Node | None:
        layer = module_of(node)
        write = _Writer(network, node, str(node.target))
        if isinstance(layer, self.keeps):
            return None
        match layer:
            case BorderedConv():
                return _bordered_conv(layer, write, *node.all_input_nodes)
            case FrozenShiftMax():
                return decompose_shift_max(layer, network, node, self.costs, rounded=self.rounded)
            case nn.Hardswish():
                return _hard_swish(write, *node.all_input_nodes)
        if layer is None and is_flatten(node):
            named = _Writer(network, node, unused(network, called(node)))
            return named("", nn.Flatten(1), *node.all_input_nodes)
        return _joined(network, node)


class _Writer(LayerWriter):
    """Names the layers that it adds under the one that they replace."""

    def __init__(self, network: fx.GraphModule, node: fx.Node, prefix: str) -> None:
        super().__init__(network, node, prefix)
        self._prefix = prefix

    def __call__(self, name: str, layer: nn.Module, *inputs: fx.Node) -> fx.Node:
        return super().__call__(f"{self._prefix}/{name}" if name else self._prefix, layer, *inputs)


def _joined(network: fx.GraphModule, node: fx.Node) -> fx.Node | None:
    """The sum or product of two tensors, named after the block that it stands in."""
    inputs = inputs_of(node)
    if node.op != "call_function" or len(inputs) != len(node.args):
        return None
    block = _block_of(layer_of(inputs[-1]))
    if node.target in {operator.add, torch.add}:
        return _Writer(network, node, unused(network, f"{block}/residual"))("", Add(), *inputs)
    if node.target in {operator.mul, torch.mul}:
        return _Writer(network, node, unused(network, f"{block}/{node.name}"))("", Multiply(), *inputs)
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
