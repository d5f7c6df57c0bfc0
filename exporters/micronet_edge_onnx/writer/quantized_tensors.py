"""The tensors of a quantized network: integers between QuantizeLinear and DequantizeLinear, or floats."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import fx, nn

from micronet_edge.lowering.ir.composite import regions
from micronet_edge.lowering.ir.convolutions import bias_of
from micronet_edge.lowering.ir.graph import only_input, shape_of
from micronet_edge.lowering.ir.primitives import Constant
from micronet_edge.quantization.assign_qparams import constant_qparams
from micronet_edge.quantization.qparams import (
    BIAS_LIMIT,
    Floats,
    QuantParams,
    are_halves_enough,
    bias_scales,
    scales_for_bias,
    weight_integers,
    weight_scales,
)
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import clip_after, is_done_before, tensor_name
from micronet_edge.quantization.stored_weights import weight_rows
from micronet_edge_onnx.writer.find_rows import find_rows
from micronet_edge_onnx.writer.float_shift_max import FloatShiftMax, ShiftMaxWriter, float_shift_max
from micronet_edge_onnx.writer.model_writer import ModelWriter
from micronet_edge_onnx.writer.tensors import Tensors, Weighted

_MAP = 4  # axes
Stored = NDArray[np.signedinteger]
Shape = tuple[int, ...]


class QuantizedTensors(Tensors):
    """Every tensor as it was computed and, where an integer operator reads or gives it, quantized.

    What comes after the mean over all pixels is [n, c] in the file. A Dynamic Shift-Max that stays in float
    behind its squeezed row is written in a faster form of its own.
    """

    def __init__(self, quantized: QuantizedNetwork, batch: int | None, model: ModelWriter) -> None:
        super().__init__(quantized.network, batch, model)
        self._quantized = quantized
        self._whole: dict[fx.Node, FloatShiftMax] = {}
        self._needed = self._find_needed()
        self.rows = find_rows(self.layers)
        self._dequantized: dict[fx.Node, str] = {}

    def to_write(self) -> list[fx.Node]:
        """A clip comes at once behind what only it reads: one integer operator does both."""
        needed = [node for node in self.layers if node in self._needed]
        written = [node for node in needed if not is_done_before(node) or only_input(node) in self.inputs]
        return [each for node in written for each in (node, clip_after(node)) if each is not None]

    def name(self, node: fx.Node) -> str:
        return tensor_name(node)

    def read(self, node: fx.Node, reader: fx.Node) -> str:
        if is_done_before(reader):
            return self._plain[node]
        return self._read(node, integer=self.is_integer(reader))

    def compare(self, node: fx.Node, reader: fx.Node) -> str:
        # Quantizing keeps the order: the larger, quantized, is the larger of both quantized.
        if self._quantized.tensor_qparams[tensor_name(node)] == self._quantized.qparams(reader):
            return self._plain[node]
        return self.read(node, reader)

    def _given(self, node: fx.Node) -> str:
        given = self._read(node, integer=self.is_integer(node))
        return self.pixel(given, shape_of(node)[1]) if node in self.rows else given

    def weights(self, node: fx.Node, layer: Weighted, name: str, *, matrix: bool) -> list[str]:
        names = [f"{name}/{kind}" for kind in ("weight", "bias")]
        weight, bias = layer.weight.detach().numpy(), bias_of(layer).numpy()
        if matrix:
            weight = weight.reshape(weight.shape[:2])
        if not self.is_integer(node):
            own = self._float_weight(node, layer, names[0], weight)
            return [own, self.model.constant(names[1], bias)]
        limit = self._quantized.weight_limit
        integers = _in_integers(weight, bias, self._quantized.qparams(node.all_input_nodes[0]), limit)
        return [
            self.model.constant_by_channel(name, values, scales)
            for name, (values, scales) in zip(names, integers, strict=True)
        ]

    def factor(self, node: fx.Node, layer: nn.Linear, name: str) -> list[str]:
        weight = layer.weight.detach().numpy()
        return [
            self._store(node)(f"{name}/weight", weight, transposed=True),
            *self._bias(layer, name),
        ]

    def _float_weight(self, node: fx.Node, layer: Weighted, name: str, weight: Floats) -> str:
        if not isinstance(layer, nn.ConvTranspose2d):
            return self._store(node)(name, weight)
        enough = are_halves_enough(weight_rows(layer).detach().numpy())
        return self.model.halves(name, weight) if enough else self.model.constant(name, weight)

    def _store(self, node: fx.Node) -> Callable[..., str]:
        """What stores the weight of an operator in float."""
        integer = tensor_name(node) in self._quantized.integer_weights
        return self.model.integer_weight if integer else self.model.weight

    def constant(self, node: fx.Node, layer: Constant) -> str:
        values, name = layer.constant.numpy(), f"{tensor_name(node)}/constant"
        if node in self.rows and values.ndim > 1:
            values = values.reshape(1, -1)
        if not self.is_integer(node):
            return self._expanded(name, self.model.constant(name, values), values.shape, shape_of(node))
        qparams = constant_qparams(layer, self._quantized.qparams(node))
        return self.model.quantized_constant(name, values, qparams)

    def is_integer(self, node: fx.Node) -> bool:
        operator = only_input(node) if is_done_before(node) else node
        return operator not in self.inputs and self._quantized.is_integer(operator)

    def bound(self, value: float) -> str:
        return self.model.row_of_one(f"bound/{value:.9g}", value)

    def is_cut_off(self, clip: fx.Node, low: float, high: float) -> bool:
        """Whether all readers read the clip's tensor quantized, and quantizing cuts it off as well."""
        readers = [reader.op != "output" and self.is_integer(reader) for reader in clip.users]
        qparams = self._quantized.qparams(clip)
        ends = qparams.integers(np.array([low, high], np.float32)).tolist()
        return (self.is_integer(clip) or all(readers)) and ends == [qparams.lowest, qparams.highest]

    def whole(self, node: fx.Node) -> str | None:
        shift_max = self._whole.get(node)
        if shift_max is None:
            return None
        x, squeezed = (self._read(each, integer=False) for each in (shift_max.x, shift_max.squeezed))
        writer = ShiftMaxWriter(self.model, shift_max, self.batch, self._quantized.integer_weights)
        return writer.write(x, squeezed, of_integers=self.is_integer(shift_max.x))

    def _find_needed(self) -> set[fx.Node]:
        """The layers to be written: not those inside of what is written as a whole."""
        composites = {region.result: float_shift_max(region) for region in regions(self.network)}
        needed = set(self.results)
        for node in reversed(self.layers):
            if node not in needed:
                continue
            shift_max = composites.get(node)
            if shift_max is None or any(map(self.is_integer, shift_max.layers)):
                needed.update(node.all_input_nodes)
            else:
                self._whole[node] = shift_max
                needed.update((shift_max.x, shift_max.squeezed))
        return needed

    def _read(self, node: fx.Node, *, integer: bool) -> str:
        """The node's tensor as an integer operator reads it, quantized, or as a float operator does."""
        if not integer and not self.is_integer(node):
            return self._plain[node]
        if node not in self._dequantized:
            qparams = self._quantized.qparams(node)
            plain = self._plain[node]
            self._dequantized[node] = self.model.quantized(tensor_name(node), plain, qparams)
        return self._dequantized[node]

    def _expanded(self, name: str, constant: str, shape: Shape, wanted: Shape) -> str:
        """A constant by column as large as a map: ONNX Runtime adds the two at once, and not row by row.

        It makes the large one when it opens the file, which holds the small one.
        """
        if not len(shape) == len(wanted) == _MAP or shape[1:] == wanted[1:] or shape[-1] == 1:
            return constant
        whole = self.model.indices(f"{name}/shape", [1, *wanted[1:]])
        return self.model.operator("Expand", f"{name}/whole", [constant, whole])


def _in_integers(
    weight: Floats, bias: Floats, qparams: QuantParams, limit: int
) -> tuple[tuple[Stored, Floats], tuple[Stored, Floats]]:
    """The weight in int8 and the bias in int32, each with a scale for each output channel."""
    scales = scales_for_bias(weight_scales(weight, limit), bias, qparams)
    # ONNX Runtime has no 64 bits for the bias of 16-bit inputs, but computes in float32 and takes any scale.
    by_channel = np.maximum(bias_scales(scales, qparams), np.abs(bias) / BIAS_LIMIT)
    return (
        (weight_integers(weight, scales, limit), scales),
        (np.rint(bias / by_channel).astype(np.int32), by_channel.astype(np.float32)),
    )
