"""Helpers over torch.fx for passes: tracing, shapes, finding and replacing modules."""

import copy
from collections import Counter
from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp, TensorMetadata

from micronet_edge.errors import LoweringError
from micronet_edge.models import ChannelShuffle, DynamicShiftMax

Kind = TypeVar("Kind", bound=nn.Module)


_OURS = __name__.rpartition(".")[0]
_BATCH_AXIS = "batch_axis"
"""The key in a node's meta, where the images do not lie on the first axis."""


class _Tracer(fx.Tracer):
    """Treats our activation, our shuffle and the layers that passes make as leaves.

    So passes see whole layers, and tracing a lowered network again changes nothing.
    """

    def is_leaf_module(self, module: nn.Module, qualified_name: str) -> bool:
        made_here = type(module).__module__.startswith(_OURS)
        whole = made_here or isinstance(module, DynamicShiftMax | ChannelShuffle)
        return whole or super().is_leaf_module(module, qualified_name)


def trace(network: nn.Module, input_size: int) -> fx.GraphModule:
    """Traces the network in inference mode into a graph of layers, with the shapes for one image.

    Raises LoweringError on a network whose forward depends on the data.
    """
    frozen = copy.deepcopy(network).eval()
    try:
        graph = _Tracer().trace(frozen)
    except (fx.proxy.TraceError, TypeError, ValueError, RuntimeError) as error:
        raise LoweringError(
            f"{type(network).__name__} cannot be traced: its forward depends on values or sizes ({error})"
        ) from error
    traced = fx.GraphModule(frozen, graph, type(network).__name__)
    _give_calls_their_own_layers(traced)
    image = torch.zeros(1, 3, input_size, input_size)
    _check_takes(traced, image)
    note_shapes(traced, image)
    return traced


def _check_takes(network: fx.GraphModule, image: Tensor) -> None:
    try:
        with torch.no_grad():
            network(image)
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise LoweringError(
            f"the network does not take images of shape {list(image.shape)}: {reason}"
        ) from error


def note_shapes(network: fx.GraphModule, image: Tensor) -> None:
    """Stores the shape of every tensor in its node, for an input like `image`."""
    with torch.no_grad():
        ShapeProp(network).propagate(image)


def shape_of(node: fx.Node) -> tuple[int, ...]:
    """The shape of the node's tensor; () if it has none."""
    meta = node.meta.get("tensor_meta")
    return tuple(meta.shape) if isinstance(meta, TensorMetadata) else ()


def batch_axis(node: fx.Node) -> int | None:
    """The axis of the node's tensor on which the images lie; None where its shape is that for one image."""
    axis: int | None = node.meta.get(_BATCH_AXIS, 0)
    return axis


def inputs(network: fx.GraphModule) -> list[fx.Node]:
    """The network's inputs, in the order of its arguments."""
    return [node for node in network.graph.nodes if node.op == "placeholder"]


def results(network: fx.GraphModule) -> list[fx.Node]:
    """The nodes that give the network's outputs, in order; one may be several outputs."""
    (end,) = (node for node in network.graph.nodes if node.op == "output")
    given = end.args[0]
    return list(given) if isinstance(given, tuple | list) else [given]


def module_of(node: fx.Node) -> nn.Module | None:
    """The layer that the node calls, if any."""
    if node.op != "call_module":
        return None
    owner = node.graph.owning_module
    assert owner is not None
    return owner.get_submodule(str(node.target))


def copy_of_layer(node: fx.Node) -> nn.Module:
    """A copy of the layer that the node calls."""
    layer = module_of(node)
    assert layer is not None
    return copy.deepcopy(layer)


def is_flatten(node: fx.Node) -> bool:
    """Whether the node flattens [n, ...] to [n, c]."""
    flattens = node.target in (torch.flatten, "flatten") or isinstance(module_of(node), nn.Flatten)
    return flattens and is_matrix(node) and shape_of(node)[0] == shape_of(only_input(node))[0]


def is_matrix(node: fx.Node) -> bool:
    """Whether the node's tensor has the shape [n, c]."""
    batch_and_channels = 2
    return len(shape_of(node)) == batch_and_channels


def calls(network: fx.GraphModule, kind: type[Kind]) -> Iterator[tuple[fx.Node, Kind]]:
    """All calls of layers of that type, in order of execution."""
    for node in list(network.graph.nodes):
        module = module_of(node)
        if isinstance(module, kind):
            yield node, module


def only_input(node: fx.Node) -> fx.Node:
    """The node's only input."""
    (source,) = node.all_input_nodes
    return source


def only_reader(node: fx.Node) -> fx.Node | None:
    """The node's only consumer; None if there are several or none."""
    readers = list(node.users)
    return readers[0] if len(readers) == 1 else None


def inputs_of(node: fx.Node) -> list[fx.Node]:
    """The node's inputs in the order of its arguments, with repetition."""
    return [argument for argument in node.args if isinstance(argument, fx.Node)]


def read_last_by(node: fx.Node) -> list[fx.Node]:
    """The tensors whose last consumer, in order of execution, is the node."""
    return [source for source in node.all_input_nodes if max(source.users) is node]


def feeds_only(producer: fx.Node, consumer: fx.Node) -> bool:
    """Whether the consumer is the producer's only one."""
    return set(producer.users) == {consumer}


def replace_module(network: fx.GraphModule, node: fx.Node, module: nn.Module) -> None:
    """Replaces the layer that the node calls, under the same name."""
    network.set_submodule(str(node.target), module.eval())


def bypass(network: fx.GraphModule, node: fx.Node) -> None:
    """Removes the node from the graph; its consumers read its input."""
    node.replace_all_uses_with(only_input(node))
    network.graph.erase_node(node)


def finish(network: fx.GraphModule) -> None:
    """Recompiles the graph and drops layers that it no longer calls."""
    network.graph.lint()
    network.delete_all_unused_submodules()
    network.recompile()


def _give_calls_their_own_layers(network: fx.GraphModule) -> None:
    """Moves every called layer directly under the network, one copy per call, named by its path.

    So a pass can change one call without the others, and the exporter, which names a node by its chain of
    modules, gives it the whole path.
    """
    seen: Counter[str] = Counter()
    for node in network.graph.nodes:
        if node.op != "call_module":
            continue
        target = str(node.target)
        seen[target] += 1
        again = f"#{seen[target]}" if seen[target] > 1 else ""
        node.target = target.replace(".", "/") + again
        network.add_module(node.target, copy.deepcopy(network.get_submodule(target)))
    finish(network)
