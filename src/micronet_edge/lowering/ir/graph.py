"""Helpers over torch.fx for passes: shapes, finding and replacing modules."""

import copy
from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp, TensorMetadata

from micronet_edge.lowering.ir.probes import examples, repeated

Kind = TypeVar("Kind", bound=nn.Module)

_BATCH_AXIS = "batch_axis"
"""The key in a node's meta, where the images do not lie on the first axis."""


def note_shapes(network: fx.GraphModule, probe: Tensor | tuple[Tensor, ...]) -> None:
    """Stores the shape of every tensor in its node, for one sample, and which axis is the samples'."""
    inputs = examples(probe)
    if any(_BATCH_AXIS in node.meta for node in network.graph.nodes):
        with torch.no_grad():
            _note_batch_axes(network, inputs)
    note_lengths(network, inputs)


def note_lengths(network: fx.GraphModule, inputs: tuple[Tensor, ...]) -> None:
    """Stores the shape of every tensor in its node, for one sample, of a network that may take no more."""
    with torch.no_grad():
        ShapeProp(network).propagate(*inputs)


def _note_batch_axes(network: fx.GraphModule, inputs: tuple[Tensor, ...]) -> None:
    one, two = (_shapes(network, repeated(inputs, samples)) for samples in (1, 2))
    for node, shape in one.items():
        grown = [axis for axis, (a, b) in enumerate(zip(shape, two[node], strict=True)) if a != b]
        note_batch_axis(node, grown[0] if grown else None)


def _shapes(network: fx.GraphModule, inputs: tuple[Tensor, ...]) -> dict[fx.Node, tuple[int, ...]]:
    ShapeProp(network).propagate(*inputs)
    return {node: shape_of(node) for node in network.graph.nodes}


def note_batch_axis(node: fx.Node, axis: int | None) -> None:
    """Stores which axis of the node's tensor is the samples'."""
    if axis == 0:
        node.meta.pop(_BATCH_AXIS, None)
    else:
        node.meta[_BATCH_AXIS] = axis


def shape_of(node: fx.Node) -> tuple[int, ...]:
    """The shape of the node's tensor; () if it has none."""
    meta = node.meta.get("tensor_meta")
    return tuple(meta.shape) if isinstance(meta, TensorMetadata) else ()


def note_shape(node: fx.Node, shape: tuple[int, ...], axis: int | None, dtype: torch.dtype) -> None:
    """Stores the shape of a new node's tensor for one sample, and which axis is the samples'."""
    node.meta["tensor_meta"] = TensorMetadata(torch.Size(shape), dtype, False, (), None, False, {})  # noqa: FBT003
    note_batch_axis(node, axis)


def dtype_of(node: fx.Node) -> torch.dtype:
    """The type of the numbers in the node's tensor."""
    meta = node.meta["tensor_meta"]
    assert isinstance(meta, TensorMetadata)
    return meta.dtype


def batch_axis(node: fx.Node) -> int | None:
    """The axis of the node's tensor that grows with the number of samples; None where none does."""
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
