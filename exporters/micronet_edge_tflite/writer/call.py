"""One call of a layer, as the function that writes the layer sees it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import fx

from micronet_edge.lowering.ir.graph import inputs_of
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge.quantization.quantized_tensors import tensor_name
from micronet_edge_tflite.writer.activations import NO_ACTIVATION, activation_after
from micronet_edge_tflite.writer.network_tensors import NetworkTensors


class Call:
    """A call of a layer that is to be written: what it reads, and the means to write operators.

    Tensors are indices in the file, their shapes have the channels last.

    Attributes:
        node: The call in the network's graph.
        integer: Whether it computes in integers.
        inputs: The tensors that it reads, in integers if `integer`, else in float32.
        activation_is_written: Whether the operator's options have the activation behind it.
    """

    def __init__(self, node: fx.Node, tensors: NetworkTensors) -> None:
        self.node, self.tensors = node, tensors
        self.integer = tensors.quantized.is_integer(node)
        self.inputs = [tensors.read(source, integer=self.integer) for source in self.sources]
        self.activation_is_written = False

    @property
    def name(self) -> str:
        return tensor_name(self.node)

    @property
    def sources(self) -> list[fx.Node]:
        """The nodes that give `inputs`."""
        return inputs_of(self.node)

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the result."""
        return self.tensors.shape(self.node)

    @property
    def qparams(self) -> QuantParams | None:
        """The quantization parameters of the result; None in float."""
        return self.qparams_of(self.node)

    def qparams_of(self, node: fx.Node) -> QuantParams | None:
        """The same of what another node gives."""
        return self.tensors.qparams(node, integer=self.integer)

    def write(
        self, name: str, inputs: Sequence[int], result: int, options: type | None = None, **fields: object
    ) -> None:
        """Writes an operator; see `OperatorWriter.write`."""
        self.tensors.writer.write(name, inputs, result, options, **fields)

    def result(self) -> int:
        """A new tensor that is the layer's result, or that of the clip behind it."""
        return self.tensors.result(self.node, integer=self.integer)

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
