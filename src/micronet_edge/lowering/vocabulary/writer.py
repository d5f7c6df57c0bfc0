"""Writes canonical layers in the place of one call."""

from math import prod

import torch
from torch import Tensor, fx, nn
from torch.fx.node import Argument

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import batch_axis, dtype_of, module_of, note_shape, shape_of
from micronet_edge.lowering.ir.graph_builder import LAYER, unused
from micronet_edge.lowering.ir.places import OWNER, PLACE, called, described, owner_of
from micronet_edge.lowering.ir.primitives import Concatenate, Expand, Permute, Reshape, Slice, StoredTensor

_MATRIX_RANK = 2

Value = fx.Node | Tensor
"""A tensor of the network, or a constant."""


class Writer:
    """Inserts canonical layers before the node of a call, as parts of it.

    Every node that it writes knows its shape for one sample and its axis of samples.
    """

    def __init__(self, network: fx.GraphModule, node: fx.Node) -> None:
        self._network, self.node = network, node
        self._name = _name(network, node)
        self._written: list[fx.Node] = []

    @property
    def axis(self) -> int | None:
        """The axis of samples of the call's result."""
        return batch_axis(self.node)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the call's result."""
        return shape_of(self.node)

    def refusal(self, reason: str) -> LoweringError:
        """The error that says what is called, where, and the reason."""
        layer = module_of(self.node)
        kind = "" if layer is None else f"{type(layer).__name__} "
        return LoweringError(f"{kind}{described(self.node)}: {reason}")

    def keep(self, *args: Argument) -> fx.Node:
        """Leaves the call as it is, with these arguments."""
        self.node.args, self.node.kwargs = args, {}
        return self.node

    def tensor(self, value: object) -> fx.Node:
        """The value as a tensor of the network; a constant is stored. Raises LoweringError on others."""
        if isinstance(value, fx.Node):
            return value
        if not isinstance(value, Tensor):
            raise self.refusal("its first argument must be one tensor")
        return self.stored(value, tuple(value.shape))

    def stored(self, constant: Tensor, shape: tuple[int, ...]) -> fx.Node:
        """A constant as a tensor of the shape [1, ...], the same for every sample."""
        image = next(iter(self._network.graph.nodes))
        if not shape or shape[0] != 1:
            raise self.refusal("a constant stands for a tensor of samples: give it a first axis of 1")
        return self("stored", StoredTensor(constant.reshape(shape)), image, shape=shape, axis=0)

    def __call__(
        self,
        name: str,
        layer: nn.Module,
        *inputs: fx.Node,
        shape: tuple[int, ...] | None = None,
        axis: int | None = -1,
    ) -> fx.Node:
        """Inserts the layer; its result has the shape and samples' axis of its first input, unless given."""
        path = unused(self._network, f"{self._name}/{name}")
        self._network.add_module(path, layer.eval())
        with self._network.graph.inserting_before(self.node):
            written = self._network.graph.call_module(path, inputs)
        written.meta |= {key: self.node.meta[key] for key in (PLACE, OWNER) if key in self.node.meta}
        written.meta[LAYER] = self._name
        first = inputs[0]
        note_shape(
            written,
            shape_of(first) if shape is None else shape,
            batch_axis(first) if axis == -1 else axis,
            dtype_of(first),
        )
        self._written.append(written)
        return written

    def same(self, layer: nn.Module, x: fx.Node) -> fx.Node:
        """Inserts a layer whose result has its input's shape."""
        return self(type(layer).__name__.lower(), layer, x)

    def result(self, layer: nn.Module, *inputs: fx.Node) -> fx.Node:
        """Inserts a layer whose result is that of the call."""
        return self(type(layer).__name__.lower(), layer, *inputs, shape=self.shape, axis=self.axis)

    def reshape(self, x: fx.Node, shape: tuple[int, ...], axis: int | None) -> fx.Node:
        """The numbers in another shape, whose axis of samples is `axis`."""
        if shape_of(x) == shape:
            return x
        if isinstance(module_of(x), Reshape):
            (source,) = x.all_input_nodes
            if (shape_of(source), batch_axis(source)) == (shape, axis):
                return source
            x = source
        flattens = len(shape) == _MATRIX_RANK <= len(shape_of(x)) and axis == batch_axis(x) == 0
        if flattens and shape[0] == shape_of(x)[0]:
            return self("flattened", nn.Flatten(1), x, shape=shape)
        lengths = tuple(-1 if place == axis else length for place, length in enumerate(shape))
        return self("reshaped", Reshape(lengths), x, shape=shape, axis=axis)

    def permute(self, x: fx.Node, order: tuple[int, ...]) -> fx.Node:
        """Axis k of the result is axis order[k] of x."""
        if order == tuple(range(len(order))):
            return x
        old, axis = shape_of(x), batch_axis(x)
        shape = tuple(old[each] for each in order)
        return self(
            "permuted", Permute(order), x, shape=shape, axis=None if axis is None else order.index(axis)
        )

    def slice(self, x: fx.Node, axis: int, start: int, stop: int, step: int = 1) -> fx.Node:
        """The positions [start, stop) of an axis."""
        shape = shape_of(x)
        if (start, stop, step) == (0, shape[axis], 1):
            return x
        if axis == batch_axis(x):
            raise self.refusal("it picks samples: a file computes every sample alike and by itself")
        length = len(range(start, stop, step))
        cut = (*shape[:axis], length, *shape[axis + 1 :])
        return self("slice", Slice(axis, start, stop, step), x, shape=cut)

    def expand(self, x: fx.Node, shape: tuple[int, ...]) -> fx.Node:
        """Axes of length 1 repeated; the rank stays."""
        if shape_of(x) == shape:
            return x
        axis = batch_axis(x)
        lengths = tuple(-1 if place == axis else length for place, length in enumerate(shape))
        return self("expanded", Expand(lengths), x, shape=shape)

    def concatenate(self, tensors: list[Value], axis: int) -> fx.Node:
        """The tensors one behind the other along an axis."""
        first = next(each for each in tensors if isinstance(each, fx.Node))
        if axis == batch_axis(first):
            raise self.refusal("it joins samples: a file computes every sample alike and by itself")
        nodes = [each if isinstance(each, fx.Node) else self._beside(each, first) for each in tensors]
        if len(nodes) == 1:
            return nodes[0]
        shape = list(shape_of(first))
        shape[axis] = sum(shape_of(each)[axis] for each in nodes)
        return self("joined", Concatenate(axis), *nodes, shape=tuple(shape))

    def _beside(self, constant: Tensor, node: fx.Node) -> fx.Node:
        """A constant that is joined with the node: the samples lie on the same axis."""
        axis = batch_axis(node)
        if axis is None or constant.shape[axis] != 1:
            raise self.refusal("it joins a constant with tensors whose samples lie on an axis with others")
        order = (axis, *(each for each in range(constant.ndim) if each != axis))
        moved = constant.permute(order)
        back = tuple(order.index(each) for each in range(constant.ndim))
        return self.permute(self.stored(moved, tuple(moved.shape)), back)

    def finish(self, results: tuple[object, ...]) -> None:
        """Gives the node of the result the name of the call."""
        last = [each for each in self._written if each in results]
        if len(results) == 1 and last:
            path = str(last[0].target)
            layer = self._network.get_submodule(path)
            self._network.delete_submodule(path)
            last[0].target = self._name
            self._network.add_module(self._name, layer)


def numbers(value: Value) -> int:
    """How many numbers the tensor holds for one sample."""
    return prod(shape(value))


def shape(value: Value) -> tuple[int, ...]:
    """The tensor's shape for one sample."""
    return shape_of(value) if isinstance(value, fx.Node) else tuple(value.shape)


def scalar(value: object) -> Tensor:
    """A number as a tensor."""
    return torch.tensor(value, dtype=torch.get_default_dtype())


def _name(network: fx.GraphModule, node: fx.Node) -> str:
    """The path of what is called: a layer's own, or that of the module that calls it, and the node's name."""
    if node.op == "call_module":
        return called(node)
    owner = owner_of(node)
    return unused(network, f"{owner}/{node.name}" if owner else node.name)
