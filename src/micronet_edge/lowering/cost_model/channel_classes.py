"""Groups the tensors of a network into classes that share one channel order.

Tensors that an elementwise layer or a depthwise convolution connects form one class: they hold the same
channels at the same positions. A convolution or linear layer ends a class, since its weights can adapt to
any input and output order. A channel shuffle ends one as well: it moves data unless the orders before and
after it cancel it.
"""

import operator
from dataclasses import dataclass, field

import torch
from torch import fx, nn
from torch.nn import functional

from micronet_edge.lowering.ir.convolutions import conv_of, is_depthwise
from micronet_edge.lowering.ir.frozen_shift_max import FrozenShiftMax
from micronet_edge.lowering.ir.graph import is_flatten, is_matrix, module_of, shape_of
from micronet_edge.lowering.ir.primitives import Add, Divide, Maximum, Minimum, Multiply, Subtract
from micronet_edge.lowering.ir.reorder import Repeat
from micronet_edge.models import ChannelShuffle

_ELEMENTWISE_LAYERS = (
    nn.ReLU,
    nn.ReLU6,
    nn.Hardswish,
    nn.Hardsigmoid,
    nn.SiLU,
    nn.Sigmoid,
    nn.GELU,
    nn.LeakyReLU,
    nn.Hardtanh,
    nn.ELU,
    nn.Tanh,
    nn.Mish,
    nn.Softplus,
    Add,
    Subtract,
    Multiply,
    Divide,
    Maximum,
    Minimum,
    nn.AvgPool2d,
    nn.MaxPool2d,
    nn.AdaptiveAvgPool2d,
)
_ELEMENTWISE_FUNCTIONS = (
    operator.add,
    operator.sub,
    operator.mul,
    torch.add,
    torch.mul,
    torch.maximum,
    torch.relu,
    functional.relu,
    functional.relu6,
    functional.hardswish,
    functional.adaptive_avg_pool2d,
)


@dataclass(eq=False)
class ChannelClass:
    """Tensors that share one channel order."""

    channels: int
    nodes: list[fx.Node] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class Boundary:
    """A tensor whose order is fixed as trained, where it is made or where `reader` reads it."""

    node: fx.Node
    reader: fx.Node | None


@dataclass
class ChannelClasses:
    """The classes of a network in order of execution, with the layers that join them."""

    of: dict[fx.Node, ChannelClass] = field(default_factory=dict)
    weighted: list[fx.Node] = field(default_factory=list)
    shuffles: list[fx.Node] = field(default_factory=list)
    repeats: list[fx.Node] = field(default_factory=list)
    boundaries: list[Boundary] = field(default_factory=list)

    @property
    def ordered(self) -> list[ChannelClass]:
        return list(dict.fromkeys(self.of.values()))

    def add(self, node: fx.Node) -> None:
        self.of[node] = ChannelClass(shape_of(node)[1], [node])

    def join(self, node: fx.Node, to: fx.Node) -> None:
        """Puts `node` into the class of `to`."""
        self.of[node] = self.of[to]
        self.of[to].nodes.append(node)

    def unite(self, first: fx.Node, second: fx.Node) -> None:
        """Merges two classes whose tensors must have the same order."""
        kept, merged = self.of[first], self.of[second]
        if kept is not merged:
            kept.nodes += merged.nodes
            self.of.update(dict.fromkeys(merged.nodes, kept))


def find_channel_classes(network: fx.GraphModule) -> ChannelClasses:
    """Finds the classes in one pass over the network, in order of execution."""
    classes = ChannelClasses()
    for node in network.graph.nodes:
        tensors = [source for source in node.all_input_nodes if source in classes.of]
        if is_weighted(node):
            classes.weighted.append(node)
            classes.add(node)
        elif tensors and isinstance(module_of(node), ChannelShuffle):
            classes.shuffles.append(node)
            classes.add(node)
        elif tensors and isinstance(module_of(node), Repeat):
            classes.repeats.append(node)
            classes.add(node)
        elif not _joins(classes, node, tensors):
            classes.boundaries.extend(Boundary(source, node) for source in tensors)
            if node.op != "output" and len(shape_of(node)) > 1:
                classes.add(node)
                classes.boundaries.append(Boundary(node, None))
    return classes


def is_weighted(node: fx.Node) -> bool:
    """Whether the layer's weights can adapt to any input and output order."""
    module = module_of(node)
    conv = conv_of(module)
    if isinstance(module, nn.Linear):
        return is_matrix(node)  # with more axes, the channels are the last axis, not the second
    return conv is not None and not is_depthwise(conv)


def _joins(classes: ChannelClasses, node: fx.Node, tensors: list[fx.Node]) -> bool:
    """Puts the node into its inputs' class if it keeps the channels."""
    if not tensors or len(tensors) != len(node.all_input_nodes):
        return False
    if not _is_channelwise(node) or not all(_same_channels(node, source) for source in tensors):
        return False
    for other in tensors[1:]:
        classes.unite(tensors[0], other)
    classes.join(node, tensors[0])
    return True


def _same_channels(node: fx.Node, source: fx.Node) -> bool:
    """Whether both have their channels on the second axis; a broadcast would shift the axes."""
    ours, theirs = shape_of(node), shape_of(source)
    return ours[1] == theirs[1] and (len(ours) == len(theirs) or is_flatten(node))


def _is_channelwise(node: fx.Node) -> bool:
    module = module_of(node)
    conv = conv_of(module)
    if isinstance(module, (FrozenShiftMax, *_ELEMENTWISE_LAYERS)) or (
        conv is not None and is_depthwise(conv)
    ):
        return True
    if node.op == "call_function" and node.target in _ELEMENTWISE_FUNCTIONS:
        return len(shape_of(node)) > 1
    if is_flatten(node):
        # With a spatial extent, flatten would spread each channel over several columns.
        return shape_of(node) == shape_of(node.all_input_nodes[0])[:2]
    return False
