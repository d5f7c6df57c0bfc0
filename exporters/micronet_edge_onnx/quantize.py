"""A quantized network as an ONNX file: float operators between roundings to the grids that it says."""

import numpy as np
import onnx
from numpy.typing import NDArray
from torch import fx, nn

from micronet_edge.errors import TargetError
from micronet_edge.lowering.ir.composite import regions
from micronet_edge.lowering.ir.convolutions import bias_of
from micronet_edge.lowering.ir.graph import module_of, only_input, shape_of
from micronet_edge.lowering.ir.primitives import (
    Add,
    AddConstant,
    Channels,
    Concatenate,
    Constant,
    DynamicPointwise,
    DynamicPointwiseWeight,
    Maximum,
    Multiply,
    MultiplyConstant,
)
from micronet_edge.lowering.ir.reorder import GatheredReorder
from micronet_edge.quantization.assign_qparams import constant_qparams
from micronet_edge.quantization.qparams import (
    BIAS_LIMIT,
    Floats,
    QuantParams,
    bias_scales,
    scales_for_bias,
    weight_integers,
    weight_scales,
)
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import clip_after, is_done_before, tensor_name
from micronet_edge_onnx.format import INPUT_NAME
from micronet_edge_onnx.passes.merge_with_padding_columns import BesideColumns
from micronet_edge_onnx.writer.float_shift_max import Fusions, FusionWriter, fusions_of
from micronet_edge_onnx.writer.model_writer import ModelWriter

Stored = NDArray[np.signedinteger]
Shape = tuple[int, ...]

_ELEMENTWISE: dict[type, str] = {
    Add: "Add",
    AddConstant: "Add",
    Multiply: "Mul",
    MultiplyConstant: "Mul",
    Maximum: "Max",
}
_BYTE = 8


def quantized_model(
    quantized: QuantizedNetwork, batch: int | None, *, gathers: bool = True
) -> onnx.ModelProto:
    """The ONNX model, with QuantizeLinear and DequantizeLinear wherever a tensor is rounded.

    Given    a quantized network with the shapes of one image noted; batch None leaves it open; without
             `gathers` channels are picked by slices, which every runtime has
    Result   the model that takes `image` float32 [batch, 3, size, size] and gives `logits` float32. Of 8
             bits ONNX Runtime makes integer operators, with 16 it computes in float32 and only rounds.
    Raises   TargetError on a layer that has no ONNX operator here.

    A Dynamic Shift-Max whose fusions all stay in float is written in a faster form of its own.
    """
    return _ModelOf(quantized, batch, gathers=gathers).model()


class _ModelOf:
    """Writes the layers in order. What comes after the mean over all pixels is [n, c] in the file."""

    def __init__(self, quantized: QuantizedNetwork, batch: int | None, *, gathers: bool) -> None:
        self._quantized, self._batch, self._writer = quantized, batch, ModelWriter(gathers=gathers)
        self._image, *self._layers, end = quantized.network.graph.nodes
        self._last = only_input(end)
        self._fusions: dict[fx.Node, Fusions] = {}
        self._needed = self._find_needed()
        self._flat = self._find_flat()
        self._plain = {self._image: INPUT_NAME}
        self._rounded: dict[fx.Node, str] = {}

    def model(self) -> onnx.ModelProto:
        for node in self._layers:
            if node in self._needed and not is_done_before(node):
                self._write(node)
        logits = self._read(self._last, integer=self._is_integer(self._last))
        shapes = [(self._batch or "batch", *shape_of(node)[1:]) for node in (self._image, self._last)]
        return self._writer.model(logits, *shapes)

    def _find_needed(self) -> set[fx.Node]:
        """The layers to be written: not those that fusions consist of."""
        composites = {region.result: fusions_of(region) for region in regions(self._quantized.network)}
        needed = {self._last}
        for node in reversed(self._layers):
            if node not in needed:
                continue
            fusions = composites.get(node)
            if fusions is None or any(map(self._is_integer, fusions.layers)):
                needed.update(node.all_input_nodes)
            else:
                self._fusions[node] = fusions
                needed.update((fusions.x, fusions.squeezed))
        return needed

    def _find_flat(self) -> set[fx.Node]:
        flat: set[fx.Node] = set()
        for node in self._layers:
            if isinstance(module_of(node), nn.AdaptiveAvgPool2d) or flat.issuperset(node.all_input_nodes):
                flat.add(node)
        return flat

    def _is_integer(self, node: fx.Node) -> bool:
        """Whether the operator that computes the node's tensor is an integer one."""
        operator = only_input(node) if is_done_before(node) else node
        return operator is not self._image and self._quantized.is_integer(operator)

    def _read(self, node: fx.Node, *, integer: bool) -> str:
        """The node's tensor as an integer operator reads it, rounded, or as a float operator does."""
        if not integer and not self._is_integer(node):
            return self._plain[node]
        if node not in self._rounded:
            qparams = self._quantized.qparams(node)
            self._rounded[node] = self._writer.rounded(tensor_name(node), self._plain[node], qparams)
        return self._rounded[node]

    def _write(self, node: fx.Node) -> None:
        fusions = self._fusions.get(node)
        result = self._operator(node) if fusions is None else self._fused(node, fusions)
        clip = clip_after(node)
        self._plain[clip or node] = result if clip is None else self._clipped(clip, result)

    def _operator(self, node: fx.Node) -> str:
        write, name, layer = self._writer.operator, tensor_name(node), module_of(node)
        inputs = [self._input(node, source) for source in node.args if isinstance(source, fx.Node)]
        match layer:
            case nn.Conv2d() if node not in self._flat:
                return self._convolution(node, layer, inputs)
            case nn.Conv2d() | nn.Linear():
                return write("Gemm", name, [*inputs, *self._weights(node, layer)], transB=1)
            case DynamicPointwiseWeight():
                return self._mixing_matrix(node, layer, inputs)
            case DynamicPointwise():
                return self._mix(node, inputs)
            case nn.ReLU() | nn.Hardtanh():
                return self._clipped(node, inputs[0])
        if isinstance(layer, Constant):
            inputs.append(self._constant(node, layer))
        kind = _ELEMENTWISE.get(type(layer))
        return self._movement(node, layer, inputs) if kind is None else write(kind, name, inputs)

    def _movement(self, node: fx.Node, layer: nn.Module | None, inputs: list[str]) -> str:
        write, name = self._writer.operator, tensor_name(node)
        match layer:
            case nn.AdaptiveAvgPool2d(output_size=1):
                return write("ReduceMean", name, inputs, axes=[2, 3], keepdims=0)
            case Channels():
                return self._writer.slice(name, inputs[0], layer.start, layer.stop)
            case Concatenate():
                return write("Concat", name, inputs, axis=1)
            case GatheredReorder():
                return self._writer.picked(name, inputs[0], layer.index)
            case BesideColumns():
                return write("Concat", name, self._beside_columns(name, layer, inputs[0]), axis=3)
            case nn.Flatten():
                return inputs[0] if node in self._flat else write("Flatten", name, inputs)
            case _:
                raise TargetError(f"{name}: no ONNX operator for a {type(layer).__name__}")

    def _beside_columns(self, name: str, layer: BesideColumns, x: str) -> list[str]:
        sides = [
            self._columns(f"{name}/{side}", columns.numpy(), x)
            for side, columns in (("left", layer.left), ("right", layer.right))
            if columns.shape[3]
        ]
        return [sides[0], x, *sides[1:]]

    def _columns(self, name: str, columns: Floats, x: str) -> str:
        """The columns for every image; for any number of them by way of the images' own."""
        if self._batch is not None:
            return self._writer.constant(name, columns.repeat(self._batch, 0))
        own = self._writer.slice(f"{name}/own", x, 0, columns.shape[3], axis=3)
        nothing = self._writer.operator(
            "Mul", f"{name}/nothing", [own, self._writer.constant(f"{name}/zero", np.zeros((), np.float32))]
        )
        return self._writer.operator(
            "Add", name, [nothing, self._writer.constant(f"{name}/columns", columns)]
        )

    def _input(self, node: fx.Node, source: fx.Node) -> str:
        layer, tensor_qparams = module_of(node), self._quantized.tensor_qparams
        if isinstance(layer, Maximum) and tensor_qparams[tensor_name(source)] == self._quantized.qparams(
            node
        ):
            # Rounding keeps the order: the larger, rounded, is the larger of both rounded.
            return self._plain[source]
        x = self._read(source, integer=self._is_integer(node))
        if isinstance(layer, Multiply) and source in self._flat and node not in self._flat:
            return self._writer.reshaped(f"{x}/pixel", x, 0, shape_of(source)[1], 1, 1)
        return x

    def _clipped(self, clip: fx.Node, x: str) -> str:
        """The tensor cut off, unless all who read it read it rounded, and rounding cuts it off as well."""
        readers = [reader.op != "output" and self._is_integer(reader) for reader in clip.users]
        low, high = _bounds(clip)
        qparams = self._quantized.qparams(clip)
        ends = qparams.integers(np.array([low, high], np.float32)).tolist()
        if (self._is_integer(clip) or all(readers)) and ends == [qparams.lowest, qparams.highest]:
            return x
        return self._writer.clipped(tensor_name(clip), x, low, high)

    def _fused(self, node: fx.Node, fusions: Fusions) -> str:
        written = FusionWriter(
            self._writer,
            fusions,
            tensor_name(node),
            shape_of(node),
            self._batch,
            self._quantized.integer_weights,
        )
        x, squeezed = (self._read(each, integer=False) for each in (fusions.x, fusions.squeezed))
        return written.write(x, squeezed, of_integers=self._is_integer(fusions.x))

    def _mixing_matrix(self, node: fx.Node, layer: DynamicPointwiseWeight, inputs: list[str]) -> str:
        """[n, d, c], transposed: what stands before the pixels in a product."""
        name, total = tensor_name(node), ""
        for j, x in enumerate(inputs):
            column = self._writer.reshaped(f"{name}/column{j}", x, 0, shape_of(node)[3], 1)
            mask = self._writer.constant(f"{name}/mask{j}", layer.masks[j].numpy()[:, 0].T)
            placed = self._writer.operator("Mul", f"{name}/placed{j}", [column, mask])
            total = self._writer.operator("Add", f"{name}/sum{j}", [total, placed]) if total else placed
        return total

    def _mix(self, node: fx.Node, inputs: list[str]) -> str:
        name, (x, matrix) = tensor_name(node), inputs
        _, d, h, w = shape_of(node)
        pixels = self._writer.reshaped(f"{name}/pixels", x, 0, shape_of(node.all_input_nodes[0])[1], h * w)
        product = self._writer.operator("MatMul", f"{name}/product", [matrix, pixels])
        return self._writer.reshaped(name, product, 0, d, h, w)

    def _constant(self, node: fx.Node, layer: Constant) -> str:
        values, name = layer.constant.numpy(), f"{tensor_name(node)}/constant"
        if node in self._flat and values.ndim > 1:
            values = values.reshape(values.shape[:2])
        if not self._is_integer(node):
            return self._whole(name, self._writer.constant(name, values), values.shape, shape_of(node))
        return self._writer.constant_on(name, values, constant_qparams(layer, self._quantized.qparams(node)))

    def _whole(self, name: str, constant: str, shape: Shape, wanted: Shape) -> str:
        """A constant by column as large as a map: ONNX Runtime adds the two at once, and not row by row.

        It makes the large one when it opens the file, which holds the small one.
        """
        if not len(shape) == len(wanted) > 1 or shape[1:] == wanted[1:] or shape[-1] == 1:
            return constant
        whole = self._writer.indices(f"{name}/shape", [1, *wanted[1:]])
        return self._writer.operator("Expand", f"{name}/whole", [constant, whole])

    def _convolution(self, node: fx.Node, conv: nn.Conv2d, inputs: list[str]) -> str:
        sides = [int(side) for side in conv.padding]
        return self._writer.operator(
            "Conv",
            tensor_name(node),
            [*inputs, *self._weights(node, conv)],
            kernel_shape=conv.kernel_size,
            strides=conv.stride,
            pads=sides * 2,
            group=conv.groups,
        )

    def _weights(self, node: fx.Node, layer: nn.Conv2d | nn.Linear) -> list[str]:
        names = [f"{tensor_name(node)}/{kind}" for kind in ("weight", "bias")]
        weight, bias = layer.weight.detach().numpy(), bias_of(layer).numpy()
        if node in self._flat:
            weight = weight.reshape(weight.shape[:2])
        if not self._is_integer(node):
            integer = tensor_name(node) in self._quantized.integer_weights
            store = self._writer.integer_weight if integer else self._writer.weight
            return [store(names[0], weight), self._writer.constant(names[1], bias)]
        limit = self._quantized.weight_limit
        integers = _in_integers(weight, bias, self._quantized.qparams(node.all_input_nodes[0]), limit)
        return [
            self._writer.constant_by_channel(name, values, scales)
            for name, (values, scales) in zip(names, integers, strict=True)
        ]


def _in_integers(
    weight: Floats, bias: Floats, qparams: QuantParams, limit: int
) -> tuple[tuple[Stored, Floats], tuple[Stored, Floats]]:
    """The weight in int8 and the bias in int32, each with a scale for each output channel."""
    scales = scales_for_bias(weight_scales(weight, limit), bias, qparams)
    # ONNX Runtime has no 64 bits for the bias of 16-bit inputs, but computes in float32 and takes any steps.
    steps = np.maximum(bias_scales(scales, qparams), np.abs(bias) / BIAS_LIMIT)
    return (
        (weight_integers(weight, scales, limit), scales),
        (np.rint(bias / steps).astype(np.int32), steps.astype(np.float32)),
    )


def _bounds(clip: fx.Node) -> tuple[float, float]:
    layer = module_of(clip)
    return (layer.min_val, layer.max_val) if isinstance(layer, nn.Hardtanh) else (0.0, np.inf)
