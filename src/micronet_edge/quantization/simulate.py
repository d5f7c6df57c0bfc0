"""Runs a quantized network in PyTorch as the files run it: rounded wherever they round."""

from collections.abc import Iterator
from math import isinf

import numpy as np
import torch
from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.convolutions import bias_of
from micronet_edge.lowering.ir.graph import inputs_of, module_of, read_last_by
from micronet_edge.lowering.ir.primitives import (
    Add,
    AddConstant,
    Constant,
    DynamicPointwise,
    Multiply,
    MultiplyConstant,
)
from micronet_edge.quantization.assign_qparams import constant_qparams
from micronet_edge.quantization.fused_arithmetic import channel_means, matrix_product, result_factor
from micronet_edge.quantization.integer_arithmetic import (
    integer_product,
    integer_sum,
    requantized,
    straight_through,
)
from micronet_edge.quantization.qparams import (
    WEIGHT_LIMIT,
    Floats,
    QuantParams,
    are_halves_enough,
    bias_integers,
    bias_scales,
    scales_for_bias,
    weight_scales,
)
from micronet_edge.quantization.quantized_network import KernelTensor, QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import clip_after, is_clip, tensor_name

_BYTE = 8
_FLOAT32_ERROR = 0.01
"""A whole number of 16 bits, divided in float32, is off by less than this."""


class Simulation(nn.Module):
    """The quantized network as a module; gradients pass through the rounding.

    Given    images [n, 3, size, size]
    Result   logits [n, classes], those of the integer files up to the order of sums and ties
    """

    def __init__(self, quantized: QuantizedNetwork) -> None:
        super().__init__()
        self.quantized = quantized
        self.network = quantized.network

    def forward(self, images: Tensor) -> Tensor:
        *_, (_, logits) = self.steps(images)
        return logits

    def steps(self, images: Tensor) -> Iterator[tuple[fx.Node, Tensor]]:
        """Every operator's node and what it gives, rounded if it is an integer one; logits come last."""
        values: dict[fx.Node, Tensor] = {}
        for node in self.network.graph.nodes:
            if node.op == "output":
                return
            inputs = [values[source] for source in inputs_of(node)]
            given = images if node.op == "placeholder" else self.start(node, *inputs)
            values[node] = self.finish(node, given)
            for source in read_last_by(node):
                del values[source]
            yield node, values[node]

    def start(self, node: fx.Node, *inputs: Tensor) -> Tensor:
        """What the layer computes of these inputs, before that is rounded."""
        layer = module_of(node)
        assert layer is not None
        if self.quantized.is_integer(node):
            sources = zip(inputs_of(node), inputs, strict=True)
            inputs = tuple(self._converted(source, value) for source, value in sources)
        if isinstance(layer, nn.Hardtanh) and self.quantized.is_integer(node):
            return _cut_off(inputs[0], layer, self.quantized.qparams(node))
        state = self._stored(node, layer)
        if self._is_in_kernel(node):
            return self._in_kernel(node, layer, state, *inputs)
        if self.quantized.is_integer(node) and isinstance(layer, nn.Conv2d | nn.Linear):
            return self._summed(node, layer, state, *inputs)
        if self.quantized.is_integer(node) and isinstance(layer, Add | AddConstant):
            return self._added(node, layer, state, *inputs)
        if self.quantized.is_integer(node) and isinstance(
            layer, Multiply | MultiplyConstant | DynamicPointwise
        ):
            return self._multiplied(node, layer, state, *inputs)
        return _tensor(torch.func.functional_call(layer, state, inputs) if state else layer(*inputs))

    def finish(self, node: fx.Node, value: Tensor) -> Tensor:
        """What the layer gives, rounded if it is an integer one and no clip follows."""
        if clip_after(node) is not None:
            return value
        if self.quantized.is_integer(node):
            return rounded(value, self.quantized.tensor_qparams[tensor_name(node)])
        inner = self.quantized.fused_layers.get(tensor_name(node))
        return value if inner is None else _kernel_tensor(value, inner)

    def bias(self, node: fx.Node) -> Tensor:
        """The bias of a convolution or a linear layer as a file holds it."""
        layer = module_of(node)
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        stored = self._stored(node, layer)
        return stored.get("bias", bias_of(layer))

    def _summed(
        self, node: fx.Node, layer: nn.Conv2d | nn.Linear, state: dict[str, Tensor], x: Tensor
    ) -> Tensor:
        """The layer on whole numbers, as files compute it: float32 adds most of these without an error.

        Of sums of real numbers one in some 100,000 would be rounded the other way, and upset all behind it.
        """
        qparams, result = self.quantized.qparams(inputs_of(node)[0]), self.quantized.qparams(node)
        scales = torch.from_numpy(_scales(layer, qparams, self.quantized.weight_limit))
        steps = scales * qparams.scale
        weight = _whole(state["weight"] / scales.view(-1, *[1] * (layer.weight.ndim - 1)))
        bias = _whole(state["bias"] / steps) if "bias" in state else None
        own = {"weight": weight} | ({} if bias is None else {"bias": torch.zeros_like(bias)})
        sums: Tensor = torch.func.functional_call(layer, own, (_whole(x / qparams.scale),))
        return requantized(sums, bias, steps / result.scale, result)

    def _added(
        self, node: fx.Node, layer: Add | AddConstant, state: dict[str, Tensor], *inputs: Tensor
    ) -> Tensor:
        """The sum of two tensors; of 8 bits as integers add it, with factors that are rounded as well."""
        exact = _tensor(torch.func.functional_call(layer, state, inputs))
        result = self.quantized.qparams(node)
        tensor_qparams = [self.quantized.qparams(source) for source in inputs_of(node)]
        if isinstance(layer, AddConstant):
            tensor_qparams, inputs = (
                [*tensor_qparams, constant_qparams(layer, result)],
                (*inputs, state["constant"]),
            )
        steps = [value / qparams.scale for value, qparams in zip(inputs, tensor_qparams, strict=True)]
        if result.bits != _BYTE or not all(map(_are_whole, steps)):
            return exact
        return straight_through(
            exact, integer_sum([each.detach().round() for each in steps], tensor_qparams, result)
        )

    def _multiplied(
        self,
        node: fx.Node,
        layer: Multiply | MultiplyConstant | DynamicPointwise,
        state: dict[str, Tensor],
        *inputs: Tensor,
    ) -> Tensor:
        """The product of two tensors, of 8 bits as integers multiply."""
        exact = _tensor(torch.func.functional_call(layer, state, inputs))
        result = self.quantized.qparams(node)
        tensor_qparams = [self.quantized.qparams(source) for source in inputs_of(node)]
        if isinstance(layer, MultiplyConstant):
            tensor_qparams.append(constant_qparams(layer, result))
        return integer_product(exact, tensor_qparams, result) if result.bits == _BYTE else exact

    def _is_fused(self, node: fx.Node) -> bool:
        return tensor_name(node) in self.quantized.fused_layers

    def _is_in_kernel(self, node: fx.Node) -> bool:
        """Whether a fused kernel computes the node: inside of an activation, or as its result."""
        return self._is_fused(node) or any(map(self._is_fused, inputs_of(node)))

    def _in_kernel(
        self, node: fx.Node, layer: nn.Module, state: dict[str, Tensor], *inputs: Tensor
    ) -> Tensor:
        """What a fused kernel computes: coefficients in real numbers, and sums of products in whole ones."""
        source, *_ = inputs_of(node)
        if is_clip(node):
            return inputs[0]  # the kernel cuts off at its own ends
        if isinstance(layer, nn.Conv2d):
            exact = _tensor(torch.func.functional_call(layer, state, inputs))
            scales = torch.from_numpy(
                _scales(layer, self.quantized.qparams(source), self.quantized.weight_limit)
            )
            weight = (state["weight"].detach().flatten(1) / scales[:, None]).round_()
            bias = state.get("bias", bias_of(layer)).detach()
            return matrix_product(exact, inputs[0].detach(), weight, scales, bias)
        steps = [self._steps(each, value) for each, value in zip(inputs_of(node), inputs, strict=True)]
        if isinstance(layer, nn.AdaptiveAvgPool2d):
            return channel_means(steps[0], self.quantized.qparams(source))
        found = _tensor(layer(*steps))
        if self._is_fused(node):
            return found
        whole = found * result_factor(self.quantized, node)
        return straight_through(whole, whole.detach().round()) * self.quantized.qparams(node).scale

    def _steps(self, node: fx.Node, value: Tensor) -> Tensor:
        """What a kernel reads of the node in steps, in which it holds already what is inside of it."""
        return value if self._is_fused(node) else _whole(value / self.quantized.qparams(node).scale)

    def _converted(self, node: fx.Node, value: Tensor) -> Tensor:
        """What an integer operator reads of the node: a float operator's result is rounded here.

        What is fused is read by the last layer of its activation, which is a part of the same kernel.
        """
        if self._is_fused(node) or self.quantized.is_integer(node) or clip_after(node) is not None:
            return value
        return rounded(value, self.quantized.tensor_qparams[tensor_name(node)])

    def _stored(self, node: fx.Node, layer: nn.Module) -> dict[str, Tensor]:
        """The layer's tensors as a file holds them, as far as that is not in float32."""
        name = tensor_name(node)
        in_integers = self.quantized.is_integer(node) or name in self.quantized.fused_layers
        match layer:
            case nn.Conv2d() | nn.Linear() if in_integers:
                qparams = self.quantized.qparams(inputs_of(node)[0])
                return _in_integers(layer, qparams, self.quantized.weight_limit)
            case nn.Conv2d() | nn.Linear() if name in self.quantized.integer_weights:
                return {"weight": rounded_weight(layer.weight)}
            case nn.Conv2d() | nn.Linear() if self.quantized.half_weights:
                return _in_halves(layer.weight)
            case Constant() if in_integers:
                return {
                    "constant": _constant_on(
                        layer.constant, constant_qparams(layer, self.quantized.qparams(node))
                    )
                }
            case _:
                return {}


def _cut_off(value: Tensor, clip: nn.Hardtanh, qparams: QuantParams) -> Tensor:
    """The value between the ends of the clip, which are rounded to the grid themselves."""
    ends = qparams.integers(np.array([clip.min_val, clip.max_val], np.float32)) - qparams.zero_point
    low, high = (float(end) * qparams.scale for end in ends)
    return value.clamp(low, high)


def _kernel_tensor(value: Tensor, inner: KernelTensor) -> Tensor:
    """What a fused kernel keeps of a tensor inside of it: real numbers, or whole steps; gradients pass."""
    cut = value if isinf(inner.low) else value.clamp(inner.low, inner.high)
    if inner.steps is None:
        return cut
    steps = cut * inner.steps
    return straight_through(steps, steps.detach().round())


def _scales(layer: nn.Conv2d | nn.Linear, qparams: QuantParams, limit: int) -> Floats:
    """The steps of the layer's weight, whose input lies on the grid."""
    return scales_for_bias(
        weight_scales(layer.weight.detach().numpy(), limit), bias_of(layer).numpy(), qparams
    )


def _whole(values: Tensor) -> Tensor:
    """The values without float32's error where they stand for whole numbers; gradients pass.

    Others stay: the sensitivity analysis leaves single tensors unrounded.
    """
    nearest = values.detach().round()
    if not _is_close(nearest, values):
        nearest = torch.where((nearest - values).abs() < _FLOAT32_ERROR, nearest, values.detach())
    return straight_through(values, nearest)


def _are_whole(values: Tensor) -> bool:
    return _is_close(values.detach().round(), values)


def _is_close(values: Tensor, others: Tensor) -> bool:
    return float(torch.linalg.vector_norm((values - others).detach(), torch.inf)) < _FLOAT32_ERROR


def _in_integers(layer: nn.Conv2d | nn.Linear, qparams: QuantParams, limit: int) -> dict[str, Tensor]:
    """Weight and bias in steps of each output channel; gradients pass."""
    scales = _scales(layer, qparams, limit)
    weight = _on_scales(layer.weight, scales, limit)
    if layer.bias is None:
        return {"weight": weight}
    bias = layer.bias.detach().numpy()
    with np.errstate(invalid="ignore"):  # a training that breaks down is seen by who trains
        steps = bias_integers(bias, scales, qparams) * bias_scales(scales, qparams)
    return {
        "weight": weight,
        "bias": straight_through(layer.bias, torch.from_numpy(steps.astype(np.float32))),
    }


def _in_halves(weight: Tensor) -> dict[str, Tensor]:
    values = weight.detach()
    return {"weight": weight + (values.half().float() - values)} if are_halves_enough(values.numpy()) else {}


def rounded(values: Tensor, qparams: QuantParams) -> Tensor:
    """The nearest numbers on the grid; its gradient is one inside the range and zero outside."""
    result: Tensor = torch.fake_quantize_per_tensor_affine(
        values, qparams.scale, qparams.zero_point, qparams.lowest, qparams.highest
    )
    return result


def rounded_weight(weight: Tensor, limit: int = WEIGHT_LIMIT) -> Tensor:
    """A weight [n, ...] in int8 steps of each output channel."""
    return _on_scales(weight, weight_scales(weight.detach().numpy(), limit), limit)


def _on_scales(weight: Tensor, scales: Floats, limit: int) -> Tensor:
    steps = torch.from_numpy(scales).view(-1, *[1] * (weight.ndim - 1))
    found = (weight.detach() / steps).round_().clamp_(-limit, limit).mul_(steps)
    return straight_through(weight, found)


def _constant_on(constant: Tensor, qparams: QuantParams) -> Tensor:
    steps = qparams.integers(constant.numpy()) - qparams.zero_point
    return torch.from_numpy(np.asarray(steps * qparams.scale, np.float32))


def _tensor(value: Tensor) -> Tensor:
    return value
