"""The tensors of a network in a TFLite file: each in float32, in integers, or in both, and in some order."""

from collections.abc import Mapping

from ai_edge_litert import schema_py_generated as schema
from torch import fx

from micronet_edge.lowering.ir.graph import batch_axis, shape_of
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import clip_after, keeps_qparams, tensor_name
from micronet_edge_tflite.writer.axis_order import Order, Shape, same_memory, stored, usual
from micronet_edge_tflite.writer.coefficients import coefficient_qparams, is_coefficient
from micronet_edge_tflite.writer.operator_writer import OperatorWriter


class NetworkTensors:
    """Knows which tensor of the file is a node's, and converts it where a reader wants the other form.

    A tensor stands in the order of axes in which its operator computes it. A reader that wants another one
    has it transposed, once for all readers.

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
        self.input_names: Mapping[fx.Node, str] = {}
        """The names of the network's inputs, where they have some of their own."""
        self.as_rows: dict[int, int] = {}
        """Tensors that several matrix products read, by the tensor that each is a reshape of."""
        self.stacked: dict[tuple[int, ...], int] = {}
        """Maps one above the other, by the tensors of the maps."""
        self._indices: dict[tuple[fx.Node, bool], int] = {}
        self._orders: dict[fx.Node, Order] = {}
        self._transposed: dict[tuple[int, Order, Shape], int] = {}

    def full_shape(self, node: fx.Node) -> Shape:
        """The shape of what the node gives, as in PyTorch, for as many images as the file takes."""
        shape, axis = list(shape_of(node)), batch_axis(node)
        if axis is not None and shape:
            shape[axis] *= self.batch
        return tuple(shape)

    def shape(self, node: fx.Node, order: Order | None = None) -> Shape:
        """The shape of what the node gives in that order, by default the usual one: channels last."""
        shape = self.full_shape(node)
        return stored(shape, usual(len(shape)) if order is None else order)

    def order(self, node: fx.Node) -> Order:
        """The order in which what the node gives stands in the file."""
        return self._orders.get(clip_after(node) or node, usual(len(shape_of(node))))

    def qparams(self, node: fx.Node, *, integer: bool) -> QuantParams | None:
        """The quantization parameters of what the node gives; None in float."""
        return self.quantized.qparams(node) if integer else None

    def computed_qparams(self, node: fx.Node, *, integer: bool) -> QuantParams | None:
        """Those of the tensor that the node's operator computes: what is only moved keeps those it has."""
        if integer and keeps_qparams(node) and clip_after(node) is not None:
            return self.computed_qparams(node.all_input_nodes[0], integer=True)
        return self.qparams(node, integer=integer)

    def read(self, node: fx.Node, *, integer: bool, order: Order | None = None) -> int:
        """The node's tensor in the wanted form; its first reader in that form has it converted.

        By default it is in the order in which it stands.
        """
        if (node, integer) not in self._indices:
            given = self._indices[node, not integer]
            converted = self._indices[node, integer] = self._tensor(node, integer=integer)
            if integer:
                self.writer.write("QUANTIZE", [given], converted, schema.QuantizeOptionsT)
            else:
                self.writer.write("DEQUANTIZE", [given], converted, schema.DequantizeOptionsT)
        index = self._indices[node, integer]
        return index if order is None else self._in_order(node, index, order)

    def result(self, node: fx.Node, *, integer: bool, order: Order | None = None) -> int:
        """A new tensor for what the node gives, after the clip that follows it if there is one."""
        self._set_order(node, order)
        index = self._tensor(clip_after(node) or node, integer=integer, computed_by=node)
        self._indices[clip_after(node) or node, integer] = index
        return index

    def set_result(self, node: fx.Node, index: int, *, integer: bool, order: Order | None = None) -> None:
        """Lets readers of the node, and of its clip, read that tensor; by default in the order of before."""
        if order is not None:
            self._set_order(node, order)
        self._indices[clip_after(node) or node, integer] = index

    def last_result(self, node: fx.Node, *, integer: bool) -> int:
        """The tensor that readers of the node, and of its clip, read at present."""
        return self._indices[clip_after(node) or node, integer]

    def copied(self, node: fx.Node, index: int) -> int:
        """A copy of a tensor of the node, in the usual order."""
        result = self.writer.tensor(
            f"{self._name(node)}/copy", self.shape(node), self.writer.qparams_of(index)
        )
        self.writer.reshape(index, self.shape(node), result)
        return result

    def _set_order(self, node: fx.Node, order: Order | None) -> None:
        self._orders[clip_after(node) or node] = usual(len(shape_of(node))) if order is None else order

    def _in_order(self, node: fx.Node, index: int, order: Order) -> int:
        """The tensor in another order: reshaped where no number moves, else transposed."""
        native, shape = self.order(node), self.full_shape(node)
        moves = tuple(native.index(axis) for axis in order)
        wanted = stored(shape, order)
        free = same_memory(shape, native, order)
        if native == order or (free and wanted == stored(shape, native)):
            return index
        key = (index, () if free else moves, wanted)
        if key not in self._transposed:
            qparams = self.writer.qparams_of(index)
            role = "reshaped" if free else "transposed"
            result = self.writer.tensor(f"{self._name(node)}/{role}", wanted, qparams)
            if free:
                self.writer.reshape(index, wanted, result)
            else:
                axes = self.writer.sizes(result, "axes", moves)
                self.writer.write("TRANSPOSE", [index, axes], result, schema.TransposeOptionsT)
            self._transposed[key] = result
        return self._transposed[key]

    def _name(self, node: fx.Node) -> str:
        return self.input_names.get(node, tensor_name(node))

    def _tensor(self, node: fx.Node, *, integer: bool, computed_by: fx.Node | None = None) -> int:
        qparams = self.computed_qparams(computed_by or node, integer=integer)
        if integer and is_coefficient(node):
            qparams, _ = coefficient_qparams(node, self.quantized)
        other = (node, not integer) in self._indices
        form = ("/integers" if integer else "/float") if other else ""
        return self.writer.tensor(self._name(node) + form, self.shape(node, self.order(node)), qparams)
