"""One call of a layer, as the function that writes the layer sees it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray
from torch import fx

from micronet_edge.lowering.ir.graph import inputs_of, shape_of
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge.quantization.quantized_tensors import tensor_name
from micronet_edge_tflite.writer.activations import NO_ACTIVATION, activation_after
from micronet_edge_tflite.writer.axis_order import Order, Shape, stored, usual
from micronet_edge_tflite.writer.network_tensors import NetworkTensors


class Call:
    """A call of a layer that is to be written: what it reads, and the means to write operators.

    Tensors are indices in the file. Their shapes are in the order in which the file stores the axes: where a
    layer asks for no other, that is the usual one, channels last.

    Attributes:
        node: The call in the network's graph.
        integer: Whether it computes in integers.
        activation_is_written: Whether the operator's options have the activation behind it.
    """

    def __init__(self, node: fx.Node, tensors: NetworkTensors, *, integer: bool | None = None) -> None:
        self.node, self.tensors = node, tensors
        self.integer = tensors.quantized.is_integer(node) if integer is None else integer
        for source in self.sources:
            tensors.read(source, integer=self.integer)
        self.activation_is_written = False

    @property
    def name(self) -> str:
        return tensor_name(self.node)

    @property
    def sources(self) -> list[fx.Node]:
        """The nodes that give `inputs`."""
        return inputs_of(self.node)

    @property
    def inputs(self) -> list[int]:
        """The tensors that it reads, in integers if `integer`, else in float32; each in its usual order."""
        return [self.read(place, usual(self.rank(source))) for place, source in enumerate(self.sources)]

    def read(self, place: int, order: Order | None = None) -> int:
        """One of these tensors in that order, by default as it stands."""
        return self.tensors.read(self.sources[place], integer=self.integer, order=order)

    def order(self, place: int = 0) -> Order:
        """The order in which one of them stands."""
        return self.tensors.order(self.sources[place])

    @staticmethod
    def rank(node: fx.Node) -> int:
        """How many axes the tensor has that a node gives."""
        return len(shape_of(node))

    @property
    def joint_order(self) -> Order:
        """That of its largest input, into which one brings the others where all axes are alike."""
        rank = self.rank(self.node)
        full = [source for source in self.sources if self.rank(source) == rank]
        if not full:
            return usual(rank)
        return self.tensors.order(max(full, key=lambda source: prod(shape_of(source))))

    def broadcast(self, place: int, order: Order) -> int:
        """One of its inputs, as it broadcasts to a result in that order: it may have fewer axes."""
        source = self.sources[place]
        lacking = len(order) - self.rank(source)
        if not lacking:
            return self.read(place, order)
        own = tuple(axis - lacking for axis in order if axis >= lacking)
        index = self.read(place, own)
        if order[:lacking] == tuple(range(lacking)):
            return index
        shape = stored((*[1] * lacking, *self.tensors.full_shape(source)), order)
        result = self.tensor(f"broadcast{place}", shape, self.qparams_in(index))
        self.tensors.writer.reshape(index, shape, result)
        return result

    @property
    def shape(self) -> Shape:
        """That of the result in the usual order."""
        return self.tensors.shape(self.node)

    def shape_in(self, order: Order) -> Shape:
        """That of the result in another order."""
        return self.tensors.shape(self.node, order)

    @property
    def qparams(self) -> QuantParams | None:
        """The quantization parameters of the result; None in float."""
        return self.qparams_of(self.node)

    def qparams_of(self, node: fx.Node) -> QuantParams | None:
        """The same of what another node gives."""
        return self.tensors.qparams(node, integer=self.integer)

    def qparams_in(self, tensor: int) -> QuantParams | None:
        """Those that a tensor of the file has."""
        return self.tensors.writer.qparams_of(tensor)

    def write(
        self, name: str, inputs: Sequence[int], result: int, options: type | None = None, **fields: object
    ) -> None:
        """Writes an operator; see `OperatorWriter.write`."""
        self.tensors.writer.write(name, inputs, result, options, **fields)

    def result(self, order: Order | None = None) -> int:
        """A new tensor for the layer's result, or that of the clip behind it; by default in usual order."""
        return self.tensors.result(self.node, integer=self.integer, order=order)

    @contextmanager
    def result_at(self, qparams: QuantParams | None, order: Order | None = None) -> Iterator[int]:
        """The tensor for an operator whose result must have these quantization parameters.

        Where the layer's result has others, the tensor is converted to it.
        """
        result = self.result(order)
        if qparams is None or self.qparams_in(result) == qparams:
            yield result
            return
        before = self.tensor("before", self.tensors.writer.shape_of(result), qparams)
        yield before
        self.write("QUANTIZE", [before], result, schema.QuantizeOptionsT)

    def converted(self, tensor: int, qparams: QuantParams | None) -> int:
        """The tensor with these quantization parameters, for operators whose inputs must have them."""
        if self.qparams_in(tensor) == qparams:
            return tensor
        converted = self.tensor("converted", self.tensors.writer.shape_of(tensor), qparams)
        self.write("QUANTIZE", [tensor], converted, schema.QuantizeOptionsT)
        return converted

    def tensor(self, role: str, shape: Sequence[int], qparams: QuantParams | None) -> int:
        """A new tensor between two operators of the layer."""
        return self.tensors.writer.tensor(f"{self.name}/{role}", shape, qparams)

    def sizes(self, result: int, role: str, sizes: Sequence[int] | Sequence[tuple[int, int]]) -> int:
        """A constant of lengths, positions or axes for the operator that computes `result`."""
        return self.tensors.writer.sizes(result, role, sizes)

    def constant(self, role: str, values: NDArray[np.float32], qparams: QuantParams | None) -> int:
        """A constant in integers, or in float32 without quantization parameters."""
        return self.tensors.writer.numbers(f"{self.name}/{role}", values, qparams)

    def take_activation(self) -> int:
        """The activation behind the layer, for the options of its operator.

        A layer that does not take it has it as an operator of its own.
        """
        activation = activation_after(self.node)
        self.activation_is_written = activation != NO_ACTIVATION
        return activation
