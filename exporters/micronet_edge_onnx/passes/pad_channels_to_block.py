"""Pads the channels of depthwise convolutions to whole blocks, which the runtime computes at a time."""

from collections import Counter, defaultdict
from itertools import chain

import numpy as np
from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import (
    bias_of,
    conv_at,
    conv_of,
    depthwise,
    is_dense,
    is_depthwise,
    select_outputs,
    with_conv,
    with_inputs,
)
from micronet_edge.lowering.ir.frozen_shift_max import FrozenShiftMax
from micronet_edge.lowering.ir.graph import (
    bypass,
    calls,
    copy_of_layer,
    module_of,
    only_input,
    only_reader,
    replace_module,
)
from micronet_edge.lowering.ir.graph_builder import LayerWriter, layer_of
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import Concatenate
from micronet_edge.lowering.ir.reorder import GatheredReorder, Repeat

_ACTIVATIONS = (nn.ReLU, nn.Hardtanh, nn.Hardswish)

Slots = tuple[int, ...]
"""The channel at each position of a tensor that holds some of its channels more than once."""


class PadChannelsToBlock(Pass):
    """Repeats channels until they fill blocks, and lets each depthwise convolution make what it can of them.

    Given    x -> Repeat -> depthwise Conv2d -> y
    Result   x, channels repeated up to a whole block -> depthwise convolutions side by side -> y

    Nothing is copied for a convolution but what fills its last block, and a dense convolution in front
    gives that as well. The readers pick their channels: a dense convolution by its weights, Dynamic
    Shift-Max by its sources, others by a Gather.
    """

    def __init__(self, block: int) -> None:
        self.block = block

    def change(self, network: fx.GraphModule) -> int:
        filling = _Filling(network, self.block)
        return sum(filling.visit(node) for node in list(network.graph.nodes))

    def check_after(self, network: fx.GraphModule) -> None:
        for node, _ in calls(network, Repeat):
            raise LoweringError(f"{node.target} is still there")


class _Filling:
    """One walk over the network, in order of execution."""

    def __init__(self, network: fx.GraphModule, block: int) -> None:
        self._network, self._block = network, block
        self._slots: dict[fx.Node, Slots] = {}
        self._plain: dict[fx.Node, fx.Node] = {}

    def visit(self, node: fx.Node) -> bool:
        """Whether the node was a depthwise convolution that is another one now."""
        if self._is_ragged(node):
            self._fill(node)
            return True
        for source in [each for each in node.all_input_nodes if each in self._slots]:
            self._read(node, source)
        return False

    def _is_ragged(self, node: fx.Node) -> bool:
        layer = module_of(node)
        if not (isinstance(layer, nn.Conv2d) and is_depthwise(layer)):
            return False
        source = only_input(node)
        repeated = isinstance(module_of(source), Repeat)
        return repeated or source in self._slots or layer.in_channels % self._block != 0

    def _fill(self, node: fx.Node) -> None:
        conv, source = conv_at(node), only_input(node)
        repeating, repeat = source, module_of(source)
        if isinstance(repeat, Repeat):
            source = only_input(repeating)
        else:
            repeat = Repeat.whole(conv.in_channels, 1)
        source, slots = self._filled(node, source, conv.in_channels // repeat.copies)
        parts = _parts(slots, repeat)
        made = self._side_by_side(node, source, [_part(conv, part) for part in parts])
        self._note(made, tuple(chain(*parts)))
        if isinstance(module_of(repeating), Repeat):
            self._network.graph.erase_node(repeating)

    def _side_by_side(self, node: fx.Node, source: fx.Node, convs: list[nn.Conv2d]) -> fx.Node:
        """The convolutions of one tensor, one behind the other along the channels, in the node's place."""
        if len(convs) == 1:
            replace_module(self._network, node, convs[0])
            node.args = (source,)
            return node
        write = LayerWriter(self._network, node, layer_of(node))
        pieces = [write(f"{node.target}/{number}", conv, source) for number, conv in enumerate(convs)]
        reader = only_reader(node)
        if reader is not None and isinstance(module_of(reader), _ACTIVATIONS):
            # The runtime fuses it with a convolution, but not with the concatenation of several.
            pieces = [
                write(f"{reader.target}/{number}", copy_of_layer(reader), piece)
                for number, piece in enumerate(pieces)
            ]
            bypass(self._network, reader)
        together = write(f"{node.target}/together", Concatenate(), *pieces)
        node.replace_all_uses_with(together)
        self._network.graph.erase_node(node)
        return together

    def _filled(self, node: fx.Node, source: fx.Node, channels: int) -> tuple[fx.Node, Slots]:
        """The tensor, or one with its channels repeated until they fill whole blocks."""
        slots = self._slots.get(source, tuple(range(channels)))
        width = -(-len(slots) // self._block) * self._block
        if width == len(slots):
            return source, slots
        index = np.arange(width) % len(slots)
        slots = tuple(slots[place] for place in index)
        maker = _maker(source)
        layer = module_of(maker)
        if layer is not None and is_dense(conv_of(layer)) and only_reader(maker) is not None:
            replace_module(self._network, maker, select_outputs(layer, index.tolist()))
        else:
            write = LayerWriter(self._network, node, layer_of(node))
            source = write(f"{node.target}/filled", GatheredReorder(index), source)
        return source, slots

    def _read(self, node: fx.Node, source: fx.Node) -> None:
        slots, layer = self._slots[source], module_of(node)
        if isinstance(layer, Repeat):
            return
        if isinstance(layer, (*_ACTIVATIONS, nn.AdaptiveAvgPool2d)):
            self._note(node, slots)
        elif isinstance(layer, FrozenShiftMax):
            places = _places(slots)
            sources = tuple(tuple(places[channel] for channel in each) for each in layer.sources)
            replace_module(self._network, node, layer.with_sources(sources))
        elif layer is not None and is_dense(conv_of(layer)):
            conv = conv_of(layer)
            assert conv is not None
            weight = conv.weight.new_zeros(conv.out_channels, len(slots), *conv.kernel_size)
            weight[:, _places(slots)] = conv.weight.detach()
            replace_module(self._network, node, with_conv(layer, with_inputs(conv, weight)))
        else:
            node.replace_input_with(source, self._picked(source, node))

    def _picked(self, source: fx.Node, reader: fx.Node) -> fx.Node:
        """The tensor with every channel once, in order; made for its first such reader."""
        if source not in self._plain:
            write = LayerWriter(self._network, reader, layer_of(source))
            index = np.array(_places(self._slots[source]))
            self._plain[source] = write(f"{source.target}/picked", GatheredReorder(index), source)
        return self._plain[source]

    def _note(self, node: fx.Node, slots: Slots) -> None:
        if slots != tuple(range(len(slots))):
            self._slots[node] = slots


def _part(conv: nn.Conv2d, channels: Slots) -> nn.Conv2d:
    """The depthwise convolution that gives those channels, in that order."""
    return depthwise(conv, conv.weight[list(channels)], bias_of(conv)[list(channels)])


def _places(slots: Slots) -> list[int]:
    """The first position of every channel."""
    return [slots.index(channel) for channel in range(max(slots) + 1)]


def _maker(node: fx.Node) -> fx.Node:
    """What makes the node's tensor, but for activations that nobody else reads."""
    while isinstance(module_of(node), _ACTIVATIONS) and only_reader(node) is not None:
        node = only_input(node)
    return node


def _parts(slots: Slots, repeat: Repeat) -> list[Slots]:
    """What each of several depthwise convolutions makes of a tensor: at every position one of its copies.

    A channel that the tensor holds twice gives two copies at once; those too many are copies of copies.
    """
    copies: dict[int, list[int]] = defaultdict(list)
    for place, channel in enumerate(repeat.index):
        copies[channel].append(place)
    at_once = min(Counter(slots).values())
    parts = []
    for first in range(0, repeat.copies, at_once):
        seen: Counter[int] = Counter()
        part = []
        for channel in slots:
            part.append(copies[channel][(first + seen[channel]) % repeat.copies])
            seen[channel] += 1
        parts.append(tuple(part))
    return parts
