"""Runs a quantized network in PyTorch as a file runs it: rounded wherever the file rounds."""

from collections.abc import Iterator

from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.convolutions import bias_of
from micronet_edge.lowering.ir.graph import inputs_of, module_of, read_last_by, results
from micronet_edge.quantization.integer_arithmetic import rounded
from micronet_edge.quantization.operators.operator import WeightStorage
from micronet_edge.quantization.operators.registry import operator_of
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import clip_after, tensor_name
from micronet_edge.quantization.samples import Given, by_input, outputs_of
from micronet_edge.quantization.stored_weights import MATRICES


class Simulation(nn.Module):
    """The quantized network as a module: from samples of every input to what the network gives.

    Outputs are those of the integer file, up to the order of float32 sums and to ties. Gradients pass through
    the rounding.
    """

    def __init__(self, quantized: QuantizedNetwork) -> None:
        super().__init__()
        self.quantized = quantized
        self.network = quantized.network
        self._kernels = quantized.kernels(quantized)

    def forward(self, *inputs: Tensor) -> Given:
        found = self.outputs(*inputs)
        return found[0] if len(found) == 1 else found

    def outputs(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """All outputs, in order."""
        wanted = set(results(self.network))
        found = {node: value for node, value in self.tensors(*inputs) if node in wanted}
        return outputs_of(self.network, found)

    def tensors(self, *inputs: Tensor) -> Iterator[tuple[fx.Node, Tensor]]:
        """Every node with its tensor, rounded if the operator computes in integers, in order of execution."""
        given = by_input(self.network, inputs)
        values: dict[fx.Node, Tensor] = {}
        for node in self.network.graph.nodes:
            if node.op == "output":
                return
            read = [values[source] for source in inputs_of(node)]
            values[node] = self.finish(node, given[node] if node in given else self.start(node, *read))
            for source in read_last_by(node):
                del values[source]
            yield node, values[node]

    def start(self, node: fx.Node, *inputs: Tensor) -> Tensor:
        """The result of the node's operator on these inputs, before it is rounded."""
        layer = module_of(node)
        assert layer is not None
        if self.quantized.is_integer(node):
            inputs = tuple(map(self._quantized_input, inputs_of(node), inputs))
        if self._kernels.compute(node):
            return self._kernels.result(node, layer, *inputs)
        operator = operator_of(layer)
        if self.quantized.is_integer(node):
            return operator.in_integers(self.quantized.call(node, layer), *inputs)
        return operator.in_float(layer, self._storage(node), *inputs)

    def finish(self, node: fx.Node, value: Tensor) -> Tensor:
        """The result of the node's operator, rounded if it computes in integers and no clip follows."""
        if clip_after(node) is not None:
            return value
        if self.quantized.is_integer(node):
            return rounded(value, self.quantized.tensor_qparams[tensor_name(node)])
        return self._kernels.kept(node, value)

    def bias(self, node: fx.Node) -> Tensor:
        """The bias of a convolution or a linear layer as a file stores it."""
        layer = module_of(node)
        assert isinstance(layer, MATRICES)
        in_integers = self.quantized.is_integer(node) or self._kernels.contain(node)
        stored = operator_of(layer).stored(self.quantized.call(node, layer)) if in_integers else {}
        return stored.get("bias", bias_of(layer))

    def _quantized_input(self, node: fx.Node, value: Tensor) -> Tensor:
        """The node's tensor as an integer operator reads it: the result of a float operator is rounded here.

        A tensor inside of a fused kernel is read by that kernel only, which keeps it as it is.
        """
        if self._kernels.contain(node) or self.quantized.is_integer(node) or clip_after(node) is not None:
            return value
        return rounded(value, self.quantized.tensor_qparams[tensor_name(node)])

    def _storage(self, node: fx.Node) -> WeightStorage:
        """How the file stores the weight of an operator in float32."""
        if tensor_name(node) in self.quantized.integer_weights:
            return WeightStorage.INT8
        return WeightStorage.FLOAT16 if self.quantized.half_weights else WeightStorage.FLOAT32
