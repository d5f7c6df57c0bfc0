"""Gives the channels another order so that shifts and channel shuffles cost no data movement."""

import numpy as np
import torch
from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.cost_model.channel_classes import Boundary, ChannelClasses, find_channel_classes
from micronet_edge.lowering.cost_model.choose_layout import choose_channel_orders
from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.lowering.cost_model.layout_cost import Orders, moved, stays_grouped
from micronet_edge.lowering.ir.channel_order import Order, inverse
from micronet_edge.lowering.ir.convolutions import (
    conv_of,
    is_depthwise,
    select_outputs,
    with_conv,
    with_weights,
)
from micronet_edge.lowering.ir.frozen_shift_max import FrozenShiftMax
from micronet_edge.lowering.ir.graph import bypass, module_of, only_input, replace_module
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.reorder import Repeat, permutation, reorder
from micronet_edge.lowering.passes.densify_groups import dense_weight
from micronet_edge.lowering.passes.fold_batch_norm import linear


class PermuteChannels(Pass):
    """Chooses an order of channels for every tensor and pushes it into the weights.

    Given    grouped convolutions, channel shuffles and frozen shift-max in the trained order
    Result   no channel shuffle, but without Gather those between layers that this pass does not know;
             shifts in as few contiguous moves as the costs make worth while; grouped convolutions whose
             groups do not stay together made dense

    Inputs and outputs of the network, and of layers that this pass does not know, keep the
    trained order; where that differs from the chosen one a Reorder stands between. A shuffle between two
    grouped convolutions moves data as well, where that costs less than to make one of them dense.
    """

    def __init__(self, costs: Costs) -> None:
        self.costs = costs

    def change(self, network: fx.GraphModule) -> int:
        classes = find_channel_classes(network)
        orders = choose_channel_orders(classes, self.costs)
        shuffles = [(node, moved(node, classes, orders)) for node in classes.shuffles]
        for node in classes.weighted:
            _relabel_weights(network, node, classes, orders)
        for node in classes.repeats:
            _relabel_repeat(network, node, classes, orders)
        for node, group in classes.of.items():
            _relabel_in_place(network, node, orders[group])
        # Readers first: the Reorder behind a maker then comes before theirs, and the two cancel.
        for boundary in sorted(classes.boundaries, key=lambda boundary: boundary.reader is None):
            self._insert_reorder(network, boundary, orders[classes.of[boundary.node]])
        for node, index in shuffles:
            if np.array_equal(index, np.arange(len(index))):
                bypass(network, node)
            elif not self._stays(node, classes):
                replace_module(network, node, permutation(index, gathers=self.costs.gathers))
        return len(shuffles)

    def _stays(self, shuffle: fx.Node, classes: ChannelClasses) -> bool:
        """Whether the shuffle is written as one: on both sides stand layers that want the trained order."""
        wanted = [Boundary(only_input(shuffle), None), *(Boundary(shuffle, each) for each in shuffle.users)]
        return not self.costs.gathers and all(each in classes.boundaries for each in wanted)

    def _insert_reorder(self, network: fx.GraphModule, boundary: Boundary, labels: Order) -> None:
        if np.array_equal(labels, np.arange(len(labels))):
            return
        made = boundary.reader is None
        name = f"reorder_{'behind' if made else 'before'}_{boundary.node.name}"
        if name not in dict(network.named_children()):
            network.add_submodule(
                name, reorder(labels if made else inverse(labels), gathers=self.costs.gathers)
            )
        after = boundary.node if made else boundary.reader
        assert after is not None
        position = network.graph.inserting_after(after) if made else network.graph.inserting_before(after)
        with position:
            inserted = network.graph.call_module(name, (boundary.node,))
        if made:
            boundary.node.replace_all_uses_with(inserted, delete_user_cb=lambda user: user is not inserted)
        else:
            after.replace_input_with(boundary.node, inserted)

    def check_after(self, network: fx.GraphModule) -> None:
        classes = find_channel_classes(network)
        for node in classes.shuffles:
            if not self._stays(node, classes):
                raise LoweringError(f"{node.target} is still there")


def _relabel_weights(network: fx.GraphModule, node: fx.Node, classes: ChannelClasses, orders: Orders) -> None:
    source = only_input(node)
    inputs, outputs = orders[classes.of[source]], orders[classes.of[node]]
    layer = module_of(node)
    if isinstance(layer, nn.Linear):
        bias = None if layer.bias is None else layer.bias[outputs]
        replace_module(network, node, linear(layer.weight[outputs][:, inputs], bias))
        return
    conv = conv_of(layer)
    assert layer is not None
    assert conv is not None
    relabelled = _relabelled_conv(conv, inputs, outputs)
    replace_module(network, node, with_conv(layer, relabelled, outputs.tolist()))


def _relabelled_conv(conv: nn.Conv2d, inputs: Order, outputs: Order) -> nn.Conv2d:
    bias = None if conv.bias is None else conv.bias[outputs]
    dense = dense_weight(conv)[outputs][:, inputs]
    if stays_grouped(conv, inputs, outputs):
        blocks = [
            rows[:, columns]
            for rows, columns in zip(
                dense.chunk(conv.groups),
                torch.arange(conv.in_channels).chunk(conv.groups),
                strict=True,
            )
        ]
        dense = torch.cat(blocks)
    return with_weights(conv, dense, bias)


def _relabel_repeat(network: fx.GraphModule, node: fx.Node, classes: ChannelClasses, orders: Orders) -> None:
    repeat = module_of(node)
    assert isinstance(repeat, Repeat)
    positions, outputs = inverse(orders[classes.of[only_input(node)]]), orders[classes.of[node]]
    index = tuple(positions[np.array(repeat.index)[outputs]].tolist())
    replace_module(network, node, Repeat(index, repeat.copies))


def _relabel_in_place(network: fx.GraphModule, node: fx.Node, labels: Order) -> None:
    """Layers inside a class: depthwise convolutions and activations."""
    module = module_of(node)
    conv = conv_of(module)
    if isinstance(module, FrozenShiftMax):
        replace_module(network, node, _relabelled_shift_max(module, labels))
    elif module is not None and conv is not None and is_depthwise(conv):
        replace_module(network, node, select_outputs(module, labels.tolist()))


def _relabelled_shift_max(activation: FrozenShiftMax, labels: Order) -> FrozenShiftMax:
    planes = activation.fusions * activation.shifts
    rows = np.concatenate([plane * activation.channels + labels for plane in range(planes)])
    squeeze = with_weights(activation.squeeze, activation.squeeze.weight[:, labels], activation.squeeze.bias)
    assert activation.excite.bias is not None
    excite = with_weights(activation.excite, activation.excite.weight[rows], activation.excite.bias[rows])
    offset = activation.offset[:, rows]
    return FrozenShiftMax(
        activation.sources_in_order(labels), activation.groups, squeeze, excite, offset, activation.scale
    )
