"""Weights and biases as files store them, dequantized; gradients pass through the rounding."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from micronet_edge.lowering.ir.convolutions import bias_of
from micronet_edge.quantization.integer_arithmetic import straight_through
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

Matrix = nn.Conv2d | nn.ConvTranspose2d | nn.Linear
MATRICES = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def channel_axis(layer: nn.Module) -> int:
    """The axis of the output's channels: the last one behind a linear layer, else the second."""
    return -1 if isinstance(layer, nn.Linear) else 1


def along_channels(layer: nn.Module, values: Tensor, axes: int) -> Tensor:
    """Numbers of each output channel [n], in the shape that broadcasts over an output of so many axes."""
    behind = 0 if isinstance(layer, nn.Linear) else axes - 2
    return values.view(-1, *[1] * behind)


def weight_rows(layer: Matrix) -> Tensor:
    """The layer's weight [n, ...], for each of n output channels."""
    if not isinstance(layer, nn.ConvTranspose2d):
        return layer.weight
    inputs, outputs, *kernel = layer.weight.shape
    by_group = layer.weight.reshape(layer.groups, inputs // layer.groups, outputs, *kernel)
    return by_group.transpose(1, 2).flatten(0, 1)


def own_layout(layer: Matrix, rows: Tensor) -> Tensor:
    """What `weight_rows` gave, in the shape of the layer's weight."""
    if not isinstance(layer, nn.ConvTranspose2d):
        return rows
    by_group = rows.reshape(layer.groups, -1, *rows.shape[1:])
    return by_group.transpose(1, 2).flatten(0, 1)


def stored_in_integers(
    layer: Matrix, qparams: QuantParams, limit: int, bias_limit: float | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """The scales of a layer's weight, [n], and its weight and bias by name.

    Args:
        layer: a layer that computes in integers.
        qparams: the quantization parameters of its input.
        limit: the largest integer of a weight.
        bias_limit: the largest integer of a bias; see `scales_for_bias`.
    """
    rows = weight_rows(layer)
    scales = weight_scales(rows.detach().numpy(), limit)
    scales = scales_for_bias(scales, bias_of(layer).numpy(), qparams, bias_limit)
    tensors = {"weight": own_layout(layer, _on_scales(rows, scales, limit))}
    if layer.bias is not None:
        tensors["bias"] = _stored_bias(layer.bias, scales, qparams)
    return torch.from_numpy(scales), tensors


def _stored_bias(own: Tensor, scales: Floats, qparams: QuantParams) -> Tensor:
    bias = own.detach().numpy()
    with np.errstate(invalid="ignore"):  # a training that diverges is noticed by its caller
        stored = bias_integers(bias, scales, qparams) * bias_scales(scales, qparams)
    return straight_through(own, torch.from_numpy(stored.astype(np.float32)))


def stored_in_halves(weight: Tensor) -> Tensor:
    """The weight in float16, where that is exact enough."""
    values = weight.detach()
    return weight + (values.half().float() - values) if are_halves_enough(values.numpy()) else weight


def stored_in_int8(weight: Tensor, limit: int = WEIGHT_LIMIT) -> Tensor:
    """A weight [n, ...] in int8 with a scale for each output channel."""
    return _on_scales(weight, weight_scales(weight.detach().numpy(), limit), limit)


def applied(layer: nn.Module, tensors: Mapping[str, Tensor], *inputs: Tensor) -> Tensor:
    """What the layer computes with these tensors in the place of its own."""
    result: Tensor = torch.func.functional_call(layer, dict(tensors), inputs) if tensors else layer(*inputs)
    return result


def _on_scales(weight: Tensor, scales: Floats, limit: int) -> Tensor:
    by_channel = torch.from_numpy(scales).view(-1, *[1] * (weight.ndim - 1))
    found = (weight.detach() / by_channel).round_().clamp_(-limit, limit).mul_(by_channel)
    return straight_through(weight, found)
