"""A decomposed network as a TFLite file: an operator for each layer, on its grids or in float."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray
from torch import fx, nn

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import TargetError
from micronet_edge.lowering.ir.convolutions import bias_of
from micronet_edge.lowering.ir.graph import inputs_of, is_flatten, module_of, only_input, shape_of
from micronet_edge.lowering.ir.primitives import (
    Add,
    AddConstant,
    Channels,
    ChannelsToColumns,
    Columns,
    ColumnsToChannels,
    Concatenate,
    ConcatenateColumns,
    Constant,
    DynamicPointwise,
    DynamicPointwiseWeight,
    Frame,
    Maximum,
    Multiply,
    MultiplyConstant,
)
from micronet_edge.lowering.passes.fold_input_normalization import pixels_of
from micronet_edge.lowering.passes.round_to_half import held_by_halves
from micronet_edge.quantization.assign_qparams import constant_qparams
from micronet_edge.quantization.qparams import (
    QuantParams,
    bias_integers,
    bias_scales,
    scales_for_bias,
    weight_integers,
    weight_scales,
)
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import clip_after, is_done_before, result_name, tensor_name
from micronet_edge_tflite.dynamic_pointwise import (
    coefficient_qparams,
    compares_products,
    enters_a_matrix,
    is_only_compared,
)
from micronet_edge_tflite.writer.model_writer import IMAGE, LOGITS
from micronet_edge_tflite.writer.operator_writer import MOST_CONCATENATED, NO_ACTIVATION, OperatorWriter

_BYTE = 8
_OPERATOR = schema.BuiltinOperator
_OPTIONS = schema.BuiltinOptions


def quantized_file(quantized: QuantizedNetwork, batch: int, *, integer_io: bool) -> bytes:
    """The content of a TFLite file.

    Given    a quantized network; `integer_io` lets the file take and give integers instead of float32
    Raises   TargetError on a layer that has no TFLite operator here.
    """
    return _FileOf(quantized, batch).content(integer_io=integer_io)


def float_file(
    network: fx.GraphModule, preprocessing: Preprocessing, batch: int, *, halves: bool = False
) -> bytes:
    """The content of a TFLite file of a decomposed network, which computes in float32 throughout.

    `halves` stores in float16 the weights that it holds exactly.
    """
    names = frozenset(tensor_name(node) for node in network.graph.nodes)
    quantized = QuantizedNetwork(network, preprocessing, {}, names)
    return _FileOf(quantized, batch, halves=halves).content(integer_io=False)


def is_writable(network: fx.GraphModule) -> bool:
    """Whether the network takes one image, gives one tensor, and has no layer but those written here."""
    nodes = list(network.graph.nodes)
    inner = [node for node in nodes if node.op not in {"placeholder", "output"}]
    results = [node.args[0] for node in nodes if node.op == "output"]
    single = len(nodes) - len(inner) == 2 and isinstance(results[0], fx.Node)  # noqa: PLR2004
    return single and all(map(_is_writable_node, inner))


def _is_writable_node(node: fx.Node) -> bool:
    match layer := module_of(node):
        case nn.AdaptiveAvgPool2d():
            return layer.output_size in {1, (1, 1)}
        case nn.Conv2d():
            padded = layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
            return layer.dilation == (1, 1) and padded
        case nn.Flatten():
            # Maps lie channels last: only of single pixels the order is the same.
            return is_flatten(node) and shape_of(node) == shape_of(only_input(node))[:2]
        case nn.Hardtanh():
            return isinstance(layer, nn.ReLU6) or is_done_before(node)
    return isinstance(layer, _WRITABLE)


_WRITABLE = (
    Add,
    Channels,
    ChannelsToColumns,
    Columns,
    ColumnsToChannels,
    Concatenate,
    ConcatenateColumns,
    Constant,
    Frame,
    Maximum,
    DynamicPointwise,
    DynamicPointwiseWeight,
    Multiply,
    nn.Hardswish,
    nn.Linear,
    nn.ReLU,
)
_FUSES = (Add, AddConstant, Multiply, MultiplyConstant, nn.Conv2d, nn.Linear)
"""Layers whose operator takes an activation along."""

_LARGEST_BIAS = 2.0**62


class _FileOf:
    """Writes the layers in order; every tensor exists in float32, in integers, or in both."""

    def __init__(self, quantized: QuantizedNetwork, batch: int, *, halves: bool = False) -> None:
        self._quantized, self._batch, self._writer = quantized, batch, OperatorWriter()
        self._halves = halves
        self._indices: dict[tuple[str, bool], int] = {}
        self._rows: dict[int, int] = {}

    def content(self, *, integer_io: bool) -> bytes:
        network = self._quantized.network
        image, *layers, end = network.graph.nodes
        output = only_input(end)
        pixels = pixels_of(network) if integer_io else None
        # A device that has integers has pixels: it need not normalize them first.
        given = self._result(pixels or image, integer=integer_io)
        for node in layers[layers.index(pixels) + 1 if pixels else 0 :]:
            if not is_done_before(node):
                self._write(node)
        logits = self._read(output, integer=integer_io)
        return self._writer.content({IMAGE: given}, {LOGITS: logits})

    def _write(self, node: fx.Node) -> None:
        integer = self._quantized.is_integer(node)
        bounds = self._bounds(node, integer=integer)
        self._write_operator(node, integer=integer)
        if bounds is not None:
            self._cut_off(node, bounds, integer=integer)
        elif not integer and _activation(node) != NO_ACTIVATION and not isinstance(module_of(node), _FUSES):
            self._activated(node)

    def _write_operator(self, node: fx.Node, *, integer: bool) -> None:
        inputs = [self._read(source, integer=integer) for source in inputs_of(node)]
        layer = module_of(node)
        match layer:
            case nn.Conv2d():
                self._convolution(node, layer, inputs[0], integer=integer)
            case nn.Linear():
                self._linear(node, layer, inputs[0], integer=integer)
            case Constant():
                operand = self._operand(node, layer, integer=integer)
                self._elementwise(node, inputs[0], operand, integer=integer)
            case Add() | Multiply():
                self._elementwise(node, *inputs, integer=integer)
            case Maximum():
                self._maximum(node, *inputs, integer=integer)
            case DynamicPointwiseWeight():
                self._mixing_matrix(node, layer, inputs, integer=integer)
            case DynamicPointwise():
                self._mix(node, inputs, integer=integer)
            case _:
                self._movement(node, layer, inputs, integer=integer)

    def _bounds(self, node: fx.Node, *, integer: bool) -> tuple[float, float] | None:
        """What is to be cut off in operators of its own: neither saturation nor the operator does it."""
        after = clip_after(node)
        clip = None if after is None else module_of(after)
        if not isinstance(clip, nn.Hardtanh) or isinstance(clip, nn.ReLU6):
            return None
        return None if integer and self._saturates(node, clip) else (float(clip.min_val), float(clip.max_val))

    def _saturates(self, node: fx.Node, clip: nn.Hardtanh) -> bool:
        """Whether the grid of what the node gives ends where the clip does."""
        qparams = self._quantized.qparams(node)
        if qparams.bits == _BYTE and enters_a_matrix(node):
            return True
        half = qparams.scale / 2
        return qparams.low >= clip.min_val - half and qparams.high <= clip.max_val + half

    def _cut_off(self, node: fx.Node, bounds: tuple[float, float], *, integer: bool) -> None:
        clip = clip_after(node)
        assert clip is not None
        name, qparams = tensor_name(clip), self._quantized.qparams(node) if integer else None
        key = (name, integer)
        sides = {"low": self._writer.maximum, "high": self._writer.minimum}
        for (side, write), bound in zip(sides.items(), bounds, strict=True):
            value = np.full((1, 1, 1, 1), bound, np.float32)
            limit = self._fixed(f"{name}/{side}", value, qparams)
            output = self._writer.tensor(f"{name}/cut_{side}", self._shape(node), qparams)
            write(self._indices[key], limit, output)
            self._indices[key] = output

    def _activated(self, node: fx.Node) -> None:
        key = (result_name(node), False)
        output = self._writer.tensor(f"{key[0]}/activated", self._shape(node), None)
        self._writer.relu(self._indices[key], output, _activation(node))
        self._indices[key] = output

    def _movement(self, node: fx.Node, layer: nn.Module | None, inputs: list[int], *, integer: bool) -> None:
        output = self._result(node, integer=integer)
        write, shape = self._writer, self._shape(node)
        match layer:
            case nn.AdaptiveAvgPool2d(output_size=1 | (1, 1)):
                write.mean(inputs[0], [1, 2], output)
            case nn.Hardswish():
                write.hard_swish(inputs[0], output)
            case nn.ReLU() | nn.ReLU6() if not integer:
                write.relu(inputs[0], output, _activation_of(layer))
            case Channels():
                write.slice(inputs[0], [*[0] * (len(shape) - 1), layer.start], shape, output)
            case Columns():
                write.slice(inputs[0], [0, 0, layer.start, 0], shape, output)
            case Concatenate():
                self._concatenate(node, inputs, output, integer=integer)
            case ConcatenateColumns():
                write.concatenate(inputs, 2, output)
            case nn.Flatten() | ColumnsToChannels() | ChannelsToColumns():
                write.reshape(inputs[0], shape, output)
            case Frame():
                self._frame(node, layer, inputs[0], output, integer=integer)
            case _:
                raise TargetError(f"{tensor_name(node)}: no TFLite operator for a {type(layer).__name__}")

    def _concatenate(self, node: fx.Node, parts: list[int], output: int, *, integer: bool) -> None:
        """Along the channels, the first few at a time where XNNPACK would not take all of them at once."""
        name, qparams = tensor_name(node), self._quantized.qparams(node) if integer else None
        widths = [self._shape(source)[-1] for source in inputs_of(node)]
        while (excess := len(parts) - MOST_CONCATENATED) > 0:
            count = min(excess + 1, MOST_CONCATENATED)
            shape = (*self._shape(node)[:-1], sum(widths[:count]))
            first = self._writer.tensor(f"{name}/{len(parts)}", shape, qparams)
            self._writer.concatenate(parts[:count], len(shape) - 1, first)
            parts, widths = [first, *parts[count:]], [shape[-1], *widths[count:]]
        self._writer.concatenate(parts, len(self._shape(node)) - 1, output)

    def _frame(self, node: fx.Node, frame: Frame, x: int, output: int, *, integer: bool) -> None:
        """Rows above and below, then columns left and right: PAD knows one number for all channels."""
        name, qparams = tensor_name(node), self._quantized.qparams(node) if integer else None
        batch, height, width, channels = self._shape(node)
        values, within = frame.values.numpy(), width - 2 * frame.horizontal
        row = np.broadcast_to(values, (batch, frame.vertical, within, channels))
        above = self._fixed(f"{name}/row", row, qparams)
        if not frame.horizontal:
            self._writer.concatenate([above, x, above], 1, output)
            return
        taller = self._writer.tensor(f"{name}/taller", (batch, height, within, channels), qparams)
        column = np.broadcast_to(values, (batch, height, frame.horizontal, channels))
        beside = self._fixed(f"{name}/column", column, qparams)
        self._writer.concatenate([above, x, above], 1, taller)
        self._writer.concatenate([beside, taller, beside], 2, output)

    def _elementwise(self, node: fx.Node, x: int, y: int, *, integer: bool) -> None:
        adds = isinstance(module_of(node), Add | AddConstant)
        write = self._writer.add if adds else self._writer.multiply
        write(x, y, self._result(node, integer=integer), _activation(node))

    def _maximum(self, node: fx.Node, x: int, y: int, *, integer: bool) -> None:
        output = self._result(node, integer=integer)
        if not compares_products(node):
            self._writer.maximum(x, y, output)
            return
        qparams = self._quantized.qparams(node) if integer else None
        rows = self._writer.tensor(f"{tensor_name(node)}/rows", self._rows_shape(node), qparams)
        self._writer.maximum(x, y, rows)
        self._writer.reshape(rows, self._shape(node), output)

    def _mixing_matrix(
        self, node: fx.Node, layer: DynamicPointwiseWeight, inputs: list[int], *, integer: bool
    ) -> None:
        """The coefficients times masks of zeros and ones, in the coefficients' own steps: exact."""
        name, qparams = tensor_name(node), self._quantized.qparams(node) if integer else None
        batch, _, outputs, _ = shape = self._shape(node)
        column_shape, parts = (batch, 1, outputs, 1), []
        for j, (source, x) in enumerate(zip(inputs_of(node), inputs, strict=True)):
            tensor_qparams = coefficient_qparams(source, self._quantized) if integer else (None, None)
            column = self._writer.tensor(f"{name}/column{j}", column_shape, tensor_qparams[0])
            parts.append(self._writer.tensor(f"{name}/placed{j}", shape, tensor_qparams[1]))
            mask = layer.masks[j].numpy().transpose(1, 2, 0)[None]
            ones = self._fixed(
                f"{name}/mask{j}", mask, None if qparams is None else QuantParams(1.0, 0, qparams.bits)
            )
            self._writer.reshape(x, column_shape, column)
            self._writer.multiply(column, ones, parts[j])
        total, *rest, last = parts
        for j, part in enumerate(rest):
            added = self._writer.tensor(f"{name}/added{j}", shape, qparams)
            self._writer.add(total, part, added)
            total = added
        self._writer.add(total, last, self._result(node, integer=integer))

    def _mix(self, node: fx.Node, inputs: list[int], *, integer: bool) -> None:
        x, matrix = inputs
        source, qparams = inputs_of(node)[0], self._quantized.qparams(node) if integer else None
        if x not in self._rows:
            given = self._quantized.qparams(source) if integer else None
            self._rows[x] = self._writer.tensor(f"{tensor_name(node)}/rows", self._rows_shape(source), given)
            self._writer.reshape(x, self._rows_shape(source), self._rows[x])
        product = self._writer.tensor(f"{tensor_name(node)}/product", self._rows_shape(node), qparams)
        self._writer.matrix_product(self._rows[x], matrix, product)
        if is_only_compared(node):
            self._indices[tensor_name(node), integer] = product
        else:
            self._writer.reshape(product, self._shape(node), self._result(node, integer=integer))

    def _rows_shape(self, node: fx.Node) -> tuple[int, ...]:
        """The shape of the node's tensor as rows of channels, one for each pixel."""
        batch, height, width, channels = self._shape(node)
        return batch, 1, height * width, channels

    def _operand(self, node: fx.Node, layer: Constant, *, integer: bool) -> int:
        values, name = _channels_last(layer.constant.numpy()), f"{tensor_name(node)}/constant"
        if not integer:
            return self._fixed(name, values, None)
        return self._fixed(name, values, constant_qparams(layer, self._quantized.qparams(node)))

    def _fixed(self, name: str, values: NDArray[np.float32], qparams: QuantParams | None) -> int:
        """A constant in integers on a grid, or in float32 where there is none."""
        if qparams is None:
            return self._writer.constant(name, values)
        return self._writer.constant_on(name, qparams.integers(values).astype(f"int{qparams.bits}"), qparams)

    def _convolution(self, node: fx.Node, conv: nn.Conv2d, x: int, *, integer: bool) -> None:
        depthwise = conv.groups == conv.in_channels and conv.groups > 1
        options = schema.DepthwiseConv2DOptionsT() if depthwise else schema.Conv2DOptionsT()
        if depthwise:
            options.depthMultiplier = conv.out_channels // conv.in_channels
        options.strideH, options.strideW = conv.stride
        options.dilationHFactor = options.dilationWFactor = 1
        options.fusedActivationFunction = _activation(node)
        options.padding = schema.Padding.SAME if _pads_alike(conv) else schema.Padding.VALID
        if not _pads_alike(conv) and any(conv.padding):
            x = self._padded(node, conv, x, integer=integer)
        # TFLite: [out, kh, kw, in] for a convolution, [1, kh, kw, out] for a depthwise one.
        axes, axis = ((1, 2, 3, 0), 3) if depthwise else ((0, 2, 3, 1), 0)
        weights = self._weights(node, conv, axes, axis, integer=integer)
        code = _OPERATOR.DEPTHWISE_CONV_2D if depthwise else _OPERATOR.CONV_2D
        kind = _OPTIONS.DepthwiseConv2DOptions if depthwise else _OPTIONS.Conv2DOptions
        self._writer.operator(code, [x, *weights], [self._result(node, integer=integer)], options, kind)

    def _linear(self, node: fx.Node, linear: nn.Linear, x: int, *, integer: bool) -> None:
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = _activation(node)
        weights = self._weights(node, linear, (0, 1), 0, integer=integer)
        output = self._result(node, integer=integer)
        kind = _OPTIONS.FullyConnectedOptions
        self._writer.operator(_OPERATOR.FULLY_CONNECTED, [x, *weights], [output], options, kind)

    def _padded(self, node: fx.Node, conv: nn.Conv2d, x: int, *, integer: bool) -> int:
        source = node.all_input_nodes[0]
        vertical, horizontal = _padding(conv)
        batch, height, width, channels = self._shape(source)
        shape = (batch, height + 2 * vertical, width + 2 * horizontal, channels)
        qparams = self._quantized.qparams(source) if integer else None
        name = f"{tensor_name(node)}/padded"
        output = self._writer.tensor(name, shape, qparams)
        sides = [(0, 0), (vertical, vertical), (horizontal, horizontal), (0, 0)]
        self._writer.pad(x, sides, output)
        return output

    def _weights(
        self, node: fx.Node, layer: nn.Conv2d | nn.Linear, axes: tuple[int, ...], axis: int, *, integer: bool
    ) -> list[int]:
        name = tensor_name(node)
        weight, bias = layer.weight.detach().numpy(), bias_of(layer).numpy()
        if not integer:
            return [
                self._float_weight(node, f"{name}/weight", np.ascontiguousarray(weight.transpose(axes))),
                self._writer.constant(f"{name}/bias", bias),
            ]
        limit, qparams = self._quantized.weight_limit, self._quantized.qparams(node.all_input_nodes[0])
        scales = scales_for_bias(weight_scales(weight, limit), bias, qparams)
        integers = weight_integers(weight, scales, limit).transpose(axes)
        kind = np.int32 if qparams.bits == _BYTE else np.int64
        bias_steps = bias_integers(bias, scales, qparams).clip(-_LARGEST_BIAS, _LARGEST_BIAS).astype(kind)
        return [
            self._writer.constant(f"{name}/weight", integers, scales.tolist(), axis),
            self._writer.constant(f"{name}/bias", bias_steps, bias_scales(scales, qparams).tolist()),
        ]

    def _float_weight(self, node: fx.Node, name: str, values: NDArray[np.float32]) -> int:
        # Our kernels read the weights of the convolutions that make coefficients, those of single pixels.
        makes_coefficients = isinstance(module_of(node), nn.Conv2d) and shape_of(node)[2:] == (1, 1)
        if self._halves and not makes_coefficients and held_by_halves(values):
            return self._writer.halves(name, values)
        return self._writer.constant(name, values)

    def _read(self, node: fx.Node, *, integer: bool) -> int:
        """The node's tensor in the form wanted, converted at its first reading."""
        name = tensor_name(node)
        if (name, integer) not in self._indices:
            given = self._indices[name, not integer]
            self._indices[name, integer] = self._tensor(node, integer=integer)
            convert = self._writer.quantize if integer else self._writer.dequantize
            convert(given, self._indices[name, integer])
        return self._indices[name, integer]

    def _result(self, node: fx.Node, *, integer: bool) -> int:
        node = clip_after(node) or node
        index = self._indices[tensor_name(node), integer] = self._tensor(node, integer=integer)
        return index

    def _tensor(self, node: fx.Node, *, integer: bool) -> int:
        qparams = self._quantized.qparams(node) if integer else None
        if integer and enters_a_matrix(node):
            qparams, _ = coefficient_qparams(node, self._quantized)
        other = (tensor_name(node), not integer) in self._indices
        form = ("/integers" if integer else "/float") if other else ""
        return self._writer.tensor(tensor_name(node) + form, self._shape(node), qparams)

    def _shape(self, node: fx.Node) -> tuple[int, ...]:
        _, *rest = shape_of(node)
        return (self._batch, *rest[1:], rest[0])


def _activation(node: fx.Node) -> int:
    clip = clip_after(node)
    return NO_ACTIVATION if clip is None else _activation_of(module_of(clip))


def _activation_of(clip: nn.Module | None) -> int:
    match clip:
        case nn.ReLU6():
            return int(schema.ActivationFunctionType.RELU6)
        case nn.ReLU():
            return int(schema.ActivationFunctionType.RELU)
        case _:
            return NO_ACTIVATION


def _pads_alike(conv: nn.Conv2d) -> bool:
    """Whether TFLite's SAME padding is the convolution's own: that of an odd kernel at stride 1."""
    sides = zip(conv.kernel_size, conv.stride, _padding(conv), strict=True)
    return all(stride == 1 and kernel == 2 * padding + 1 for kernel, stride, padding in sides)


def _padding(conv: nn.Conv2d) -> tuple[int, int]:
    sides = [int(side) for side in conv.padding]
    return sides[0], sides[1]


def _channels_last(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.moveaxis(values, 1, -1) if values.ndim > 1 else values
