"""The tensors of a network in a TFLite file: each in float32, in integers, or in both."""

from ai_edge_litert import schema_py_generated as schema
from torch import fx

from micronet_edge.lowering.ir.graph import shape_of
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import clip_after, result_name, tensor_name
from micronet_edge_tflite.writer.coefficients import coefficient_qparams, is_coefficient
from micronet_edge_tflite.writer.operator_writer import OperatorWriter


class NetworkTensors:
    """Knows which tensor of the file is a node's, and converts it where a reader wants the other form.

    Args:
        quantized: The network with its quantization parameters.
        batch: Images that the file takes at a time.
        float16: Whether weights that float16 holds exactly are stored in it.
        repeats: Whether constants of elementwise operators are stored in the shape of the result, since the
            runtime is slow where shapes differ.
    """

    def __init__(
        self, quantized: QuantizedNetwork, batch: int, *, float16: bool = False, repeats: bool = False
    ) -> None:
        self.quantized, self.batch, self.float16, self.repeats = quantized, batch, float16, repeats
        self.writer = OperatorWriter()
        self.as_rows: dict[int, int] = {}
        """Tensors that several matrix products read, by the tensor that each is a reshape of."""
        self.stacked: dict[tuple[int, ...], int] = {}
        """Maps one above the other, by the tensors of the maps."""
        self._indices: dict[tuple[str, bool], int] = {}

    def shape(self, node: fx.Node) -> tuple[int, ...]:
        """The shape of what the node gives, channels last."""
        _, *rest = shape_of(node)
        return (self.batch, *rest[1:], rest[0])

    def qparams(self, node: fx.Node, *, integer: bool) -> QuantParams | None:
        """The quantization parameters of what the node gives; None in float."""
        return self.quantized.qparams(node) if integer else None

    def read(self, node: fx.Node, *, integer: bool) -> int:
        """The node's tensor in the wanted form; its first reader in that form has it converted."""
        name = tensor_name(node)
        if (name, integer) not in self._indices:
            given = self._indices[name, not integer]
            converted = self._indices[name, integer] = self._tensor(node, integer=integer)
            if integer:
                self.writer.write("QUANTIZE", [given], converted, schema.QuantizeOptionsT)
            else:
                self.writer.write("DEQUANTIZE", [given], converted, schema.DequantizeOptionsT)
        return self._indices[name, integer]

    def result(self, node: fx.Node, *, integer: bool) -> int:
        """A new tensor for what the node gives, after the clip that follows it if there is one."""
        index = self._tensor(clip_after(node) or node, integer=integer)
        self.set_result(node, index, integer=integer)
        return index

    def set_result(self, node: fx.Node, index: int, *, integer: bool) -> None:
        """Lets readers of the node, and of its clip, read that tensor."""
        self._indices[result_name(node), integer] = index

    def last_result(self, node: fx.Node, *, integer: bool) -> int:
        """The tensor that readers of the node, and of its clip, read at present."""
        return self._indices[result_name(node), integer]

    def _tensor(self, node: fx.Node, *, integer: bool) -> int:
        qparams = self.qparams(node, integer=integer)
        if integer and is_coefficient(node):
            qparams, _ = coefficient_qparams(node, self.quantized)
        other = (tensor_name(node), not integer) in self._indices
        form = ("/integers" if integer else "/float") if other else ""
        return self.writer.tensor(tensor_name(node) + form, self.shape(node), qparams)
