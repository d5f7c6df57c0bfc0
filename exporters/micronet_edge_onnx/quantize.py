"""A quantized network as an ONNX file: float operators between roundings to the grids that it says."""

import numpy as np
import onnx
import torch
from torch import fx, nn

from micronet_edge.errors import TargetError
from micronet_edge.lowering.elementary import (
    Add,
    AddConstant,
    Channels,
    Concatenate,
    Constant,
    Maximum,
    Mix,
    MixingMatrix,
    Multiply,
    MultiplyConstant,
)
from micronet_edge.lowering.graph import module_of, shape_of
from micronet_edge.quantization.grid import Floats, Grid, activation_grid, weight_scales
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.rounded_tensors import clip_after, is_clip, tensor_name
from micronet_edge_onnx.convert import INPUT_NAME
from micronet_edge_onnx.fusions import Fusions, fusions_at
from micronet_edge_onnx.model_writer import ModelWriter

_WEIGHT_LIMIT = 127
_COLORS = 3
_BYTE = 8
_BIAS_LIMIT = float(2**31 - 129)  # the largest float32 below the largest int32


def layers_better_in_float(network: fx.GraphModule) -> frozenset[str]:
    """The layers that ONNX Runtime computes no slower in float32 than in integers."""
    return frozenset(
        tensor_name(node)
        for node in network.graph.nodes
        if node.op == "call_module" and not _is_better_in_integers(node)
    )


def _is_better_in_integers(node: fx.Node) -> bool:
    match module_of(node):
        case nn.Linear():
            return True
        case nn.Conv2d() as conv:
            return not shape_of(node)[2:] == (1, 1) and conv.in_channels > _COLORS
        case _:
            return False


def quantized_model(quantized: QuantizedNetwork, batch: int | None) -> onnx.ModelProto:
    """The ONNX model, of float operators between QuantizeLinear and DequantizeLinear.

    Given    a quantized network with the shapes of one image noted; batch None leaves it open
    Result   the model that takes `image` float32 [batch, 3, size, size] and gives `logits` float32. With
             activations of 8 bits ONNX Runtime joins operators and roundings to integer operators; with
             16 bits it computes in float32 between the roundings.
    Raises   TargetError on a layer that has no ONNX operator here.
    """
    return _ModelOf(quantized).model(batch)


class _ModelOf:
    """Writes the layers in order. What comes after a mean over the pixels is [n, c] in the file."""

    def __init__(self, quantized: QuantizedNetwork) -> None:
        self._quantized, self._writer = quantized, ModelWriter()
        self._image, *self._layers, end = quantized.network.graph.nodes
        (self._last,) = end.all_input_nodes
        self._fusions: dict[fx.Node, Fusions] = {}
        self._needed = self._find_needed()
        self._plain = {self._image: INPUT_NAME}
        self._rounded: dict[fx.Node, str] = {}
        self._flat: set[fx.Node] = set()

    def model(self, batch: int | None) -> onnx.ModelProto:
        for node in self._layers:
            if node in self._needed and not _done_before(node):
                self._write(node)
        logits = self._read(self._last, integer=self._quantized.is_integer(self._last))
        shapes = [(batch or "batch", *shape_of(node)[1:]) for node in (self._image, self._last)]
        return self._writer.model(logits, *shapes)

    def _find_needed(self) -> set[fx.Node]:
        """The layers to be written. Of fusions in float the single steps are not, unless read elsewhere."""
        needed = {self._last}
        for node in reversed(self._layers):
            if node not in needed:
                continue
            fusions = fusions_at(node)
            if fusions is None or any(map(self._quantized.is_integer, fusions.layers)):
                needed.update(node.all_input_nodes)
            else:
                self._fusions[node] = fusions
                needed.update((fusions.x, fusions.squeezed))
        return needed

    def _write(self, node: fx.Node) -> None:
        integer = self._quantized.is_integer(node)
        if isinstance(module_of(node), nn.AdaptiveAvgPool2d) or all(
            x in self._flat for x in node.all_input_nodes
        ):
            self._flat.add(node)
        if node in self._fusions:
            result = self._fused(node, self._fusions[node])
        else:
            result = self._operator(node, integer=integer)
        clip = clip_after(node)
        if clip is None:
            self._plain[node] = result
            return
        if node in self._flat:
            self._flat.add(clip)
        self._plain[clip] = self._clipped(clip, result, integer=integer)

    def _operator(self, node: fx.Node, *, integer: bool) -> str:
        write, name, layer = self._writer.operator, tensor_name(node), module_of(node)
        inputs = [self._input(node, source, integer=integer) for source in node.all_input_nodes]
        match layer:
            case nn.Conv2d() if node not in self._flat:
                return self._convolution(node, layer, inputs[0], integer=integer)
            case nn.Conv2d() | nn.Linear():
                return write("Gemm", name, [*inputs, *self._weights(node, layer, integer=integer)], transB=1)
            case Add() | AddConstant():
                return write("Add", name, [*inputs, *self._operands(node, layer, integer=integer)])
            case Multiply() | MultiplyConstant():
                return write("Mul", name, [*inputs, *self._operands(node, layer, integer=integer)])
            case Maximum():
                return write("Max", name, inputs)
            case MixingMatrix():
                return self._mixing_matrix(node, layer, inputs)
            case Mix():
                return self._mix(node, *inputs)
            case nn.ReLU() | nn.Hardtanh():
                return self._clipped(node, inputs[0], integer=integer)
            case _:
                return self._movement(node, layer, inputs)

    def _movement(self, node: fx.Node, layer: nn.Module | None, inputs: list[str]) -> str:
        write, name = self._writer.operator, tensor_name(node)
        match layer:
            case nn.AdaptiveAvgPool2d(output_size=1):
                return write("ReduceMean", name, inputs, axes=[2, 3], keepdims=0)
            case Channels():
                ends = {"start": layer.start, "stop": layer.stop, "axis": 1}
                indices = [self._writer.indices(f"{name}/{end}", [place]) for end, place in ends.items()]
                return write("Slice", name, [*inputs, *indices])
            case Concatenate():
                return write("Concat", name, inputs, axis=1)
            case nn.Flatten():
                return inputs[0] if node in self._flat else write("Flatten", name, inputs)
            case _:
                raise TargetError(f"{name}: no ONNX operator for a {type(layer).__name__}")

    def _input(self, node: fx.Node, source: fx.Node, *, integer: bool) -> str:
        if isinstance(module_of(node), Maximum) and self._on_one_grid(node, source):
            # Rounding keeps an order, so it is enough to round the larger.
            return self._plain[source]
        x = self._read(source, integer=integer)
        if source in self._flat and node not in self._flat and isinstance(module_of(node), Multiply):
            return self._writer.reshaped(f"{x}/pixel", x, 0, shape_of(source)[1], 1, 1)
        return x

    def _on_one_grid(self, node: fx.Node, source: fx.Node) -> bool:
        return source in self._plain and self._quantized.grid(source) == self._quantized.grid(node)

    def _read(self, node: fx.Node, *, integer: bool) -> str:
        """The node's tensor as a float operator reads it, or as an integer one does: rounded."""
        if not integer and (node is self._image or not self._quantized.is_integer(node)):
            return self._plain[node]
        if node not in self._rounded:
            grid = self._quantized.grid(node)
            self._rounded[node] = self._writer.rounded(tensor_name(node), self._plain[node], grid)
        return self._rounded[node]

    def _clipped(self, clip: fx.Node, x: str, *, integer: bool) -> str:
        """The tensor cut off, unless the rounding of those who read it cuts there as well."""
        low, high = _bounds(clip)
        rounded = integer or all(
            reader.op != "output" and self._quantized.is_integer(reader) for reader in clip.users
        )
        if rounded and self._grid_ends_at(clip, low, high):
            return x
        name = tensor_name(clip)
        if (low, high) == (0.0, np.inf):
            return self._writer.operator("Relu", name, [x])
        return self._clip(name, x, low, high)

    def _clip(self, name: str, x: str, low: float, high: float) -> str:
        bounds = [
            self._writer.constant(f"bound/{bound}", np.array(bound, np.float32)) for bound in (low, high)
        ]
        return self._writer.operator("Clip", name, [x, *bounds])

    def _grid_ends_at(self, clip: fx.Node, low: float, high: float) -> bool:
        """Whether what lies outside of the bounds is rounded to where the bounds are rounded to."""
        grid = self._quantized.grid(clip)
        return grid.integers(np.array([low, high])).tolist() == [grid.lowest, grid.highest]

    def _fused(self, node: fx.Node, fusions: Fusions) -> str:
        """Fusions as products of small matrices, one for each channel."""
        write, name, indices = self._writer.operator, tensor_name(node), self._writer.indices
        sources = np.stack(fusions.sources, axis=1)
        x = self._read(fusions.x, integer=False)
        gathered = write("Gather", f"{name}/gathered", [x, indices(f"{name}/sources", sources)], axis=1)
        shifted = self._writer.reshaped(
            f"{name}/shifted", gathered, 0, *sources.shape, -1
        )  # [n, c, j, h * w]
        y = write("MatMul", f"{name}/sums", [self._coefficients(name, fusions), shifted])  # [n, c, k, h * w]
        if len(fusions.coefficients) > 1:
            y = write("ReduceMax", f"{name}/largest", [y], axes=[2], keepdims=0)
        return self._writer.reshaped(name, y, 0, *shape_of(node)[1:])

    def _coefficients(self, name: str, fusions: Fusions) -> str:
        """All coefficients at once, [n, c, k, j]."""
        write, constant = self._writer.operator, self._writer.constant
        gates = [gate for fusion in fusions.coefficients for gate in fusion]
        layers = [module_of(gate.all_input_nodes[0]) for gate in gates]
        lows, highs = zip(*(_bounds(gate) for gate in gates), strict=True)
        c = len(layers[0].weight)
        weight = np.stack([layer.weight.detach().numpy().reshape(c, -1) for layer in layers], axis=1)
        bias = np.stack([_bias(layer) for layer in layers], axis=1) - np.array(lows, np.float32)
        squeezed = self._read(fusions.squeezed, integer=False)
        inputs = [
            squeezed,
            constant(f"{name}/excite/weight", weight.reshape(-1, weight.shape[-1])),
            constant(f"{name}/excite/bias", bias.ravel()),
        ]
        y = write("Gemm", f"{name}/excite", inputs, transB=1)
        y = self._clip(f"{name}/gate", y, 0.0, highs[0] - lows[0])
        low = constant(f"{name}/low", np.tile(np.array(lows, np.float32), c))
        y = write("Add", f"{name}/coefficients", [y, low])
        return self._writer.reshaped(
            f"{name}/matrices", y, 0, c, len(fusions.coefficients), len(fusions.sources)
        )

    def _mixing_matrix(self, node: fx.Node, layer: MixingMatrix, inputs: list[str]) -> str:
        name, total = tensor_name(node), ""
        for j, x in enumerate(inputs):
            column = self._writer.reshaped(f"{name}/column{j}", x, 0, shape_of(node)[3], 1)
            mask = self._writer.constant(f"{name}/mask{j}", layer.masks[j].numpy()[:, 0].T)
            placed = self._writer.operator("Mul", f"{name}/placed{j}", [column, mask])
            total = self._writer.operator("Add", f"{name}/sum{j}", [total, placed]) if total else placed
        return total

    def _mix(self, node: fx.Node, x: str, matrix: str) -> str:
        name = tensor_name(node)
        pixels = self._writer.reshaped(f"{name}/pixels", x, 0, shape_of(node.all_input_nodes[0])[1], -1)
        product = self._writer.operator("MatMul", f"{name}/product", [matrix, pixels])
        return self._writer.reshaped(name, product, 0, *shape_of(node)[1:])

    def _operands(self, node: fx.Node, layer: nn.Module, *, integer: bool) -> list[str]:
        """The constant that the layer adds or multiplies with, if it has one."""
        if not isinstance(layer, Constant):
            return []
        values = layer.constant.numpy()
        if node in self._flat:
            values = values.reshape(values.shape[:2])
        name = f"{tensor_name(node)}/constant"
        if not integer:
            return [self._writer.constant(name, values)]
        grid = activation_grid(float(values.min()), float(values.max()), self._quantized.bits)
        return [self._writer.constant_on(name, values, grid)]

    def _convolution(self, node: fx.Node, conv: nn.Conv2d, x: str, *, integer: bool) -> str:
        pads = [int(side) for side in conv.padding]
        return self._writer.operator(
            "Conv",
            tensor_name(node),
            [x, *self._weights(node, conv, integer=integer)],
            kernel_shape=conv.kernel_size,
            strides=conv.stride,
            pads=pads + pads,
            group=conv.groups,
        )

    def _weights(self, node: fx.Node, layer: nn.Conv2d | nn.Linear, *, integer: bool) -> list[str]:
        names = [f"{tensor_name(node)}/{each}" for each in ("weight", "bias")]
        weight, bias = layer.weight.detach().numpy(), _bias(layer)
        if node in self._flat:
            weight = weight.reshape(weight.shape[:2])
        if not integer:
            return [
                self._writer.constant(name, values)
                for name, values in zip(names, (weight, bias), strict=True)
            ]
        grid = self._quantized.grid(node.all_input_nodes[0])
        scales = weight_scales(weight)
        if grid.bits == _BYTE:
            # Here the bias counts in steps of the input times the weight, and must find room in 32 bits.
            scales = np.maximum(scales, np.abs(bias) / (_BIAS_LIMIT * grid.scale)).astype(np.float32)
        steps = weight / scales.reshape(-1, *[1] * (weight.ndim - 1))
        integers = np.rint(steps).clip(-_WEIGHT_LIMIT, _WEIGHT_LIMIT).astype(np.int8)
        bias_scales = np.maximum(scales.astype(np.float64) * grid.scale, np.abs(bias) / _BIAS_LIMIT)
        bias_integers = np.rint(bias / bias_scales).astype(np.int32)
        return [
            self._writer.constant_by_channel(names[0], integers, scales),
            self._writer.constant_by_channel(names[1], bias_integers, bias_scales.astype(np.float32)),
        ]


def _done_before(node: fx.Node) -> bool:
    """Whether the operator before the node computes it as well."""
    return is_clip(node) and clip_after(node.all_input_nodes[0]) is node


def _bias(layer: nn.Conv2d | nn.Linear) -> Floats:
    bias = torch.zeros(layer.weight.shape[0]) if layer.bias is None else layer.bias
    values: Floats = bias.detach().numpy()
    return values


def _bounds(clip: fx.Node) -> tuple[float, float]:
    layer = module_of(clip)
    return (layer.min_val, layer.max_val) if isinstance(layer, nn.Hardtanh) else (0.0, np.inf)
