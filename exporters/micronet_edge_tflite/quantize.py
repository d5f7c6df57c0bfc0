"""A quantized network as a TFLite file: one operator for each layer, on the grids that it says."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray
from torch import fx, nn

from micronet_edge.errors import TargetError
from micronet_edge.lowering.convolutions import bias_of
from micronet_edge.lowering.elementary import (
    Add,
    AddConstant,
    Channels,
    Concatenate,
    Constant,
    Frame,
    Maximum,
    Mix,
    MixingMatrix,
    Multiply,
)
from micronet_edge.lowering.graph import inputs_of, module_of, only_input, shape_of
from micronet_edge.lowering.read_pixels import pixels_of
from micronet_edge.quantization.grid import Grid, activation_grid, weight_integers, weight_scales
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.rounded_tensors import clip_after, is_done_before, tensor_name
from micronet_edge_tflite.model_writer import ModelWriter

_OPERATOR = schema.BuiltinOperator
_OPTIONS = schema.BuiltinOptions
_NO_ACTIVATION = schema.ActivationFunctionType.NONE


def quantized_file(quantized: QuantizedNetwork, batch: int, *, integer_io: bool) -> bytes:
    """The content of a TFLite file.

    Given    a quantized network; `integer_io` lets the file take and give integers instead of float32
    Raises   TargetError on a layer that has no TFLite operator here.
    """
    return _FileOf(quantized, batch).content(integer_io=integer_io)


_BIAS_LIMIT = {np.int32: 2**31 - 1, np.int64: 2**62}


class _FileOf:
    """Writes the layers in order; every tensor exists in float32, in integers, or in both."""

    def __init__(self, quantized: QuantizedNetwork, batch: int) -> None:
        self._quantized, self._batch, self._writer = quantized, batch, ModelWriter()
        self._indices: dict[tuple[str, bool], int] = {}

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
        return self._writer.content([given], [logits])

    def _write(self, node: fx.Node) -> None:
        integer = self._quantized.is_integer(node)
        bounds = self._bounds(node, integer=integer)
        self._write_operator(node, integer=integer)
        if bounds is not None:
            self._cut_off(node, bounds, integer=integer)

    def _write_operator(self, node: fx.Node, *, integer: bool) -> None:
        inputs = [self._read(source, integer=integer) for source in inputs_of(node)]
        layer = module_of(node)
        match layer:
            case nn.Conv2d():
                self._convolution(node, layer, inputs[0], integer=integer)
            case nn.Linear():
                self._linear(node, layer, inputs[0], integer=integer)
            case Constant():
                inputs.append(self._operand(node, layer, integer=integer))
                self._elementwise(node, inputs, integer=integer)
            case Add() | Multiply():
                self._elementwise(node, inputs, integer=integer)
            case Maximum():
                self._maximum(node, inputs, integer=integer)
            case MixingMatrix():
                self._mixing_matrix(node, layer, inputs, integer=integer)
            case Mix():
                self._mix(node, inputs, integer=integer)
            case _:
                self._movement(node, layer, inputs, integer=integer)

    def _bounds(self, node: fx.Node, *, integer: bool) -> tuple[float, float] | None:
        """What is to be cut off in operators of its own: neither saturation nor the operator does it."""
        after = clip_after(node)
        clip = None if after is None else module_of(after)
        if not isinstance(clip, nn.Hardtanh) or isinstance(clip, nn.ReLU6):
            return None
        grid = self._quantized.grid(node)
        saturates = (
            integer
            and grid.low >= clip.min_val - grid.scale / 2
            and grid.high <= clip.max_val + grid.scale / 2
        )
        return None if saturates else (float(clip.min_val), float(clip.max_val))

    def _cut_off(self, node: fx.Node, bounds: tuple[float, float], *, integer: bool) -> None:
        clip = clip_after(node)
        assert clip is not None
        name, grid = tensor_name(clip), self._quantized.grid(node) if integer else None
        key = (name, integer)
        for code, bound in zip((_OPERATOR.MAXIMUM, _OPERATOR.MINIMUM), bounds, strict=True):
            value = np.full((1, 1, 1, 1), bound, np.float32)
            limit = self._fixed(f"{name}/{bound:g}", value, grid)
            output = self._writer.tensor(f"{name}/cut", self._shape(node), grid)
            options, kind = schema.MaximumMinimumOptionsT(), _OPTIONS.MaximumMinimumOptions
            self._writer.operator(code, [self._indices[key], limit], [output], options, kind)
            self._indices[key] = output

    def _movement(self, node: fx.Node, layer: nn.Module | None, inputs: list[int], *, integer: bool) -> None:
        output = self._result(node, integer=integer)
        shape = self._shape(node)
        write, name = self._writer.operator, tensor_name(node)
        match layer:
            case nn.AdaptiveAvgPool2d(output_size=1):
                options = schema.ReducerOptionsT()
                options.keepDims = True
                axes = self._writer.constant(f"{name}/axes", np.array([1, 2], np.int32))
                write(_OPERATOR.MEAN, [*inputs, axes], [output], options, _OPTIONS.ReducerOptions)
            case Channels():
                begin = np.array([0] * (len(shape) - 1) + [layer.start], np.int32)
                extras = [self._writer.constant(f"{name}/begin", begin)]
                extras.append(self._writer.constant(f"{name}/size", np.array(shape, np.int32)))
                options = schema.SliceOptionsT()
                write(_OPERATOR.SLICE, [*inputs, *extras], [output], options, _OPTIONS.SliceOptions)
            case Concatenate():
                options = schema.ConcatenationOptionsT()
                options.axis = len(shape) - 1
                write(_OPERATOR.CONCATENATION, inputs, [output], options, _OPTIONS.ConcatenationOptions)
            case nn.Flatten():
                options = schema.ReshapeOptionsT()
                options.newShape = list(shape)
                target = self._writer.constant(f"{name}/shape", np.array(shape, np.int32))
                write(_OPERATOR.RESHAPE, [*inputs, target], [output], options, _OPTIONS.ReshapeOptions)
            case Frame():
                self._frame(node, layer, inputs[0], output, integer=integer)
            case _:
                raise TargetError(f"{name}: no TFLite operator for a {type(layer).__name__}")

    def _frame(self, node: fx.Node, frame: Frame, x: int, output: int, *, integer: bool) -> None:
        """Rows above and below, then columns left and right: PAD knows one number for all channels."""
        name, grid = tensor_name(node), self._quantized.grid(node) if integer else None
        batch, height, width, channels = self._shape(node)
        within = width - 2 * frame.horizontal
        taller = self._writer.tensor(f"{name}/taller", (batch, height, within, channels), grid)
        values = frame.values.numpy()
        row = np.broadcast_to(values, (batch, frame.vertical, within, channels))
        column = np.broadcast_to(values, (batch, height, frame.horizontal, channels))
        self._between(x, self._fixed(f"{name}/row", row, grid), taller, axis=1)
        self._between(taller, self._fixed(f"{name}/column", column, grid), output, axis=2)

    def _between(self, x: int, border: int, output: int, axis: int) -> None:
        options = schema.ConcatenationOptionsT()
        options.axis = axis
        inputs, kind = [border, x, border], _OPTIONS.ConcatenationOptions
        self._writer.operator(_OPERATOR.CONCATENATION, inputs, [output], options, kind)

    def _elementwise(self, node: fx.Node, inputs: list[int], *, integer: bool) -> None:
        adds = isinstance(module_of(node), Add | AddConstant)
        code = _OPERATOR.ADD if adds else _OPERATOR.MUL
        self._binary(code, inputs, self._result(node, integer=integer), _activation(node))

    def _maximum(self, node: fx.Node, inputs: list[int], *, integer: bool) -> None:
        output = self._result(node, integer=integer)
        options, kind = schema.MaximumMinimumOptionsT(), _OPTIONS.MaximumMinimumOptions
        self._writer.operator(_OPERATOR.MAXIMUM, inputs, [output], options, kind)

    def _mixing_matrix(self, node: fx.Node, layer: MixingMatrix, inputs: list[int], *, integer: bool) -> None:
        """The coefficients times masks of zeros and ones, on the coefficients' own grid: exact."""
        name, grid = tensor_name(node), self._quantized.grid(node) if integer else None
        _, _, outputs, width = self._shape(node)
        total = -1
        for j, x in enumerate(inputs):
            column = self._writer.tensor(f"{name}/column{j}", (self._batch, 1, outputs, 1), grid)
            self._reshape(x, column, (self._batch, 1, outputs, 1))
            mask = layer.masks[j].numpy().transpose(1, 2, 0)[None]
            ones = self._fixed(f"{name}/mask{j}", mask, None if grid is None else Grid(1.0, 0, grid.bits))
            last = j == len(inputs) - 1
            placed = self._writer.tensor(f"{name}/placed{j}", (self._batch, 1, outputs, width), grid)
            self._binary(_OPERATOR.MUL, [column, ones], placed)
            if total >= 0:
                added = (
                    self._result(node, integer=integer)
                    if last
                    else self._writer.tensor(f"{name}/added{j}", (self._batch, 1, outputs, width), grid)
                )
                self._binary(_OPERATOR.ADD, [total, placed], added)
                placed = added
            total = placed

    def _mix(self, node: fx.Node, inputs: list[int], *, integer: bool) -> None:
        x, matrix = inputs
        source = inputs_of(node)[0]
        name = tensor_name(node)
        batch, height, width, channels = self._shape(node)
        given = self._quantized.grid(source) if integer else None
        grid = self._quantized.grid(node) if integer else None
        flat = (batch, 1, height * width, self._shape(source)[-1])
        rows = self._writer.tensor(f"{name}/rows", flat, given)
        self._reshape(x, rows, flat)
        flat = (batch, 1, height * width, channels)
        product = self._writer.tensor(f"{name}/product", flat, grid)
        options = schema.BatchMatMulOptionsT()
        options.adjY = True
        self._writer.operator(
            _OPERATOR.BATCH_MATMUL, [rows, matrix], [product], options, _OPTIONS.BatchMatMulOptions
        )
        self._reshape(product, self._result(node, integer=integer), (batch, height, width, channels))

    def _reshape(self, given: int, result: int, shape: tuple[int, ...]) -> None:
        options = schema.ReshapeOptionsT()
        options.newShape = list(shape)
        target = self._writer.constant("shape", np.array(shape, np.int32))
        self._writer.operator(_OPERATOR.RESHAPE, [given, target], [result], options, _OPTIONS.ReshapeOptions)

    def _binary(self, code: int, inputs: list[int], output: int, activation: int = _NO_ACTIVATION) -> None:
        adds = code == _OPERATOR.ADD
        options = schema.AddOptionsT() if adds else schema.MulOptionsT()
        if adds:
            options.potScaleInt16 = False
        options.fusedActivationFunction = activation
        self._writer.operator(
            code, inputs, [output], options, _OPTIONS.AddOptions if adds else _OPTIONS.MulOptions
        )

    def _operand(self, node: fx.Node, layer: Constant, *, integer: bool) -> int:
        values = _channels_last(layer.constant.numpy())
        grid = activation_grid(float(values.min()), float(values.max()), self._quantized.bits)
        return self._fixed(f"{tensor_name(node)}/constant", values, grid if integer else None)

    def _fixed(self, name: str, values: NDArray[np.float32], grid: Grid | None) -> int:
        """A constant in integers on a grid, or in float32 where there is none."""
        if grid is None:
            return self._writer.constant(name, values)
        return self._writer.constant_on(name, grid.integers(values).astype(f"int{grid.bits}"), grid)

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
        grid = self._quantized.grid(source) if integer else None
        name = f"{tensor_name(node)}/padded"
        output = self._writer.tensor(name, shape, grid)
        sides = np.array([[0, 0], [vertical] * 2, [horizontal] * 2, [0, 0]], np.int32)
        amounts = self._writer.constant(f"{name}/amounts", sides)
        self._writer.operator(
            _OPERATOR.PAD, [x, amounts], [output], schema.PadOptionsT(), _OPTIONS.PadOptions
        )
        return output

    def _weights(
        self, node: fx.Node, layer: nn.Conv2d | nn.Linear, axes: tuple[int, ...], axis: int, *, integer: bool
    ) -> list[int]:
        name = tensor_name(node)
        weight, bias = layer.weight.detach().numpy(), bias_of(layer).numpy()
        if not integer:
            return [
                self._writer.constant(f"{name}/weight", weight.transpose(axes)),
                self._writer.constant(f"{name}/bias", bias),
            ]
        scales = weight_scales(weight, self._quantized.weight_limit)
        integers = weight_integers(weight, scales, self._quantized.weight_limit).transpose(axes)
        bias_scales = scales.astype(np.float64) * self._quantized.grid(node.all_input_nodes[0]).scale
        kind = np.int32 if self._quantized.bits == 8 else np.int64  # noqa: PLR2004
        limit = _BIAS_LIMIT[kind]
        bias_integers = np.rint(bias / bias_scales).clip(-limit, limit).astype(kind)
        return [
            self._writer.constant(f"{name}/weight", integers, scales.tolist(), axis),
            self._writer.constant(f"{name}/bias", bias_integers, bias_scales.tolist()),
        ]

    def _read(self, node: fx.Node, *, integer: bool) -> int:
        """The node's tensor in the form wanted, converted at its first reading."""
        name = tensor_name(node)
        if (name, integer) not in self._indices:
            given = self._indices[name, not integer]
            self._indices[name, integer] = self._tensor(node, integer=integer)
            code = _OPERATOR.QUANTIZE if integer else _OPERATOR.DEQUANTIZE
            options = schema.QuantizeOptionsT() if integer else schema.DequantizeOptionsT()
            kind = _OPTIONS.QuantizeOptions if integer else _OPTIONS.DequantizeOptions
            self._writer.operator(code, [given], [self._indices[name, integer]], options, kind)
        return self._indices[name, integer]

    def _result(self, node: fx.Node, *, integer: bool) -> int:
        node = clip_after(node) or node
        index = self._indices[tensor_name(node), integer] = self._tensor(node, integer=integer)
        return index

    def _tensor(self, node: fx.Node, *, integer: bool) -> int:
        grid = self._quantized.grid(node) if integer else None
        other = (tensor_name(node), not integer) in self._indices
        form = ("/integers" if integer else "/float") if other else ""
        return self._writer.tensor(tensor_name(node) + form, self._shape(node), grid)

    def _shape(self, node: fx.Node) -> tuple[int, ...]:
        _, *rest = shape_of(node)
        return (self._batch, *rest[1:], rest[0])


def _activation(node: fx.Node) -> int:
    clip = clip_after(node)
    match module_of(clip) if clip is not None else None:
        case nn.ReLU6():
            return int(schema.ActivationFunctionType.RELU6)
        case nn.ReLU():
            return int(schema.ActivationFunctionType.RELU)
        case _:
            return int(_NO_ACTIVATION)


def _pads_alike(conv: nn.Conv2d) -> bool:
    """Whether TFLite's SAME padding is the convolution's own: that of an odd kernel at stride 1."""
    sides = zip(conv.kernel_size, conv.stride, _padding(conv), strict=True)
    return all(stride == 1 and kernel == 2 * padding + 1 for kernel, stride, padding in sides)


def _padding(conv: nn.Conv2d) -> tuple[int, int]:
    sides = [int(side) for side in conv.padding]
    return sides[0], sides[1]


def _channels_last(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.moveaxis(values, 1, -1) if values.ndim > 1 else values
