"""Norms: by fixed statistics a product and a sum, by the input's own what they are made of."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from micronet_edge.lowering.ir.graph import batch_axis, dtype_of, shape_of
from micronet_edge.lowering.ir.primitives import Exponential, Logarithm, Mean, ReciprocalSquareRoot
from micronet_edge.lowering.vocabulary.arithmetic import square
from micronet_edge.lowering.vocabulary.broadcasting import Operation, combined
from micronet_edge.lowering.vocabulary.padding import padded
from micronet_edge.lowering.vocabulary.reductions import reduced
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.lowering.vocabulary.writer import Value, Writer

_spells = VOCABULARY.spells
_MAP_RANK, _MATRIX_RANK = 4, 2
_BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.SyncBatchNorm
_InstanceNorm = nn.InstanceNorm1d | nn.InstanceNorm2d


@_spells(nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm)
def batch_norm_layer(write: Writer, layer: _BatchNorm, x: fx.Node) -> fx.Node:
    """One behind a layer that it can be folded into is left for that; the others are spelled at the end."""
    if layer.running_mean is None or layer.running_var is None:
        raise write.refusal("it normalizes by the batch: give it track_running_stats=True")
    rank, samples = len(shape_of(x)), batch_axis(x)
    if samples == 0 and rank == 3:  # noqa: PLR2004 - [n, c, l]
        x = write.reshape(x, (*shape_of(x)[:2], 1, shape_of(x)[2]), 0)
        return write.reshape(write("norm", _as_2d(layer), x), write.shape, write.axis)
    if samples == 0 and rank in {_MATRIX_RANK, _MAP_RANK}:
        return write.keep(x)
    return batch_norm(
        write, x, layer.running_mean, layer.running_var, layer.weight, layer.bias, eps=layer.eps
    )


def _as_2d(layer: _BatchNorm) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(layer.num_features, layer.eps, affine=layer.affine)
    norm.load_state_dict(layer.state_dict())
    return norm.to(layer.running_mean.dtype if layer.running_mean is not None else torch.float32)


@_spells(functional.batch_norm, torch.batch_norm)
def batch_norm(
    write: Writer,
    x: fx.Node,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> fx.Node:
    """X * scale + offset by channel."""
    if training or running_mean is None or running_var is None:
        raise write.refusal("it normalizes by the batch: a file needs running statistics")
    scale = (running_var.double() + eps).rsqrt() * (1.0 if weight is None else weight.double())
    offset = (0.0 if bias is None else bias.double()) - running_mean.double() * scale
    return affine(write, x, scale, offset, 1)


def affine(write: Writer, x: fx.Node, scale: Value | None, offset: Value | None, axis: int) -> fx.Node:
    """X * scale + offset, numbers that belong to the places of an axis, and of those behind it."""
    behind = len(shape_of(x)) - axis
    parts: tuple[tuple[Operation, Value | None], ...] = (("multiply", scale), ("add", offset))
    for operation, values in parts:
        if isinstance(values, Tensor):
            lengths = (*values.shape, *[1] * (behind - values.ndim))
            x = combined(write, operation, x, values.detach().reshape(lengths))
        elif values is not None:
            raise write.refusal("its scale or offset is computed: multiply and add by hand")
    return x


def normalized(
    write: Writer, x: fx.Node, axes: tuple[int, ...], eps: float, *, centres: bool = True
) -> fx.Node:
    """The numbers less their mean along the axes, divided by their deviation."""
    centred = combined(write, "subtract", x, reduced(write, Mean, x, axes, keepdim=True)) if centres else x
    variance = reduced(write, Mean, square(write, centred), axes, keepdim=True)
    scale = write("scale", ReciprocalSquareRoot(), combined(write, "add", variance, eps))
    return combined(write, "multiply", centred, scale)


@_spells(nn.LayerNorm)
def layer_norm_layer(write: Writer, layer: nn.LayerNorm, x: fx.Node) -> fx.Node:
    return layer_norm(write, x, layer.normalized_shape, layer.weight, layer.bias, layer.eps)


@_spells(functional.layer_norm, torch.layer_norm)
def layer_norm(
    write: Writer,
    x: fx.Node,
    normalized_shape: Sequence[int],
    weight: Value | None = None,
    bias: Value | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> fx.Node:
    """Along the last axes. Source: Ba et al., arXiv 1607.06450."""
    first = len(shape_of(x)) - len(normalized_shape)
    axes = tuple(range(first, len(shape_of(x))))
    return affine(write, normalized(write, x, axes, eps), weight, bias, first)


@_spells(nn.RMSNorm)
def rms_norm_layer(write: Writer, layer: nn.RMSNorm, x: fx.Node) -> fx.Node:
    return rms_norm(write, x, layer.normalized_shape, layer.weight, layer.eps)


@_spells(functional.rms_norm, torch.rms_norm)
def rms_norm(
    write: Writer,
    x: fx.Node,
    normalized_shape: Sequence[int],
    weight: Value | None = None,
    eps: float | None = None,
) -> fx.Node:
    """Divided by the root of the mean square. Source: Zhang and Sennrich, arXiv 1910.07467."""
    first = len(shape_of(x)) - len(normalized_shape)
    axes = tuple(range(first, len(shape_of(x))))
    small = torch.finfo(dtype_of(x)).eps if eps is None else eps
    return affine(write, normalized(write, x, axes, small, centres=False), weight, None, first)


@_spells(nn.GroupNorm)
def group_norm_layer(write: Writer, layer: nn.GroupNorm, x: fx.Node) -> fx.Node:
    return group_norm(write, x, layer.num_groups, layer.weight, layer.bias, layer.eps)


@_spells(functional.group_norm, torch.group_norm)
def group_norm(
    write: Writer,
    x: fx.Node,
    num_groups: int,
    weight: Value | None = None,
    bias: Value | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> fx.Node:
    """Along the channels of a group and all places. Source: Wu and He, arXiv 1803.08494."""
    old = shape_of(x)
    if batch_axis(x) != 0:
        raise write.refusal("its samples must lie on the first axis")
    rows = write.reshape(x, (old[0], num_groups, prod(old[1:]) // num_groups), 0)
    whole = write.reshape(normalized(write, rows, (2,), eps), old, 0)
    return affine(write, whole, weight, bias, 1)


@_spells(nn.InstanceNorm1d, nn.InstanceNorm2d)
def instance_norm_layer(write: Writer, layer: _InstanceNorm, x: fx.Node) -> fx.Node:
    if layer.track_running_stats:
        return batch_norm(
            write, x, layer.running_mean, layer.running_var, layer.weight, layer.bias, eps=layer.eps
        )
    return instance_norm(write, x, weight=layer.weight, bias=layer.bias, eps=layer.eps)


@_spells(functional.instance_norm, torch.instance_norm)
def instance_norm(
    write: Writer,
    x: fx.Node,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> fx.Node:
    """Along the places of each channel. Source: Ulyanov et al., arXiv 1607.08022."""
    if not use_input_stats:
        return batch_norm(write, x, running_mean, running_var, weight, bias, momentum=momentum, eps=eps)
    axes = tuple(range(2, len(shape_of(x))))
    return affine(write, normalized(write, x, axes, eps), weight, bias, 1)


@_spells(nn.LocalResponseNorm)
def local_response_norm_layer(write: Writer, layer: nn.LocalResponseNorm, x: fx.Node) -> fx.Node:
    return local_response_norm(write, x, layer.size, layer.alpha, layer.beta, layer.k)


@_spells(functional.local_response_norm)
def local_response_norm(
    write: Writer, x: fx.Node, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> fx.Node:
    """X / (k + alpha * the mean square of the channels around) ** beta."""
    old = shape_of(x)
    flat = write.reshape(square(write, x), (old[0], 1, old[1], prod(old[2:])), 0)
    wide = padded(write, flat, ((0, 0), (0, 0), (size // 2, (size - 1) // 2), (0, 0)), "constant")
    means = write("around", nn.AvgPool2d((size, 1), 1), wide, shape=shape_of(flat))
    base = combined(write, "add", combined(write, "multiply", write.reshape(means, old, 0), alpha), k)
    power = write("power", Exponential(), combined(write, "multiply", write("log", Logarithm(), base), -beta))
    return combined(write, "multiply", x, power)
