"""Batch norm for training on few channels that lie together in memory (channels last).

PyTorch's own takes the channels of a pixel as one vector: with 3 of them, 13 of 16 lanes idle and it takes
ten times as long. Here several pixels make a row, whose sums are folded to channels at the end.

Source: arXiv 1502.03167, algorithm 1; the merging of moments is that of Chan, Golub and LeVeque 1979,
"Updating formulae and a pairwise algorithm for computing sample variances", equation 2.1.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

ROW = 128
"""Figures per row, at least: short rows cost calls."""

PIECE = 524_288
"""Elements at a time: a piece costs some twenty calls, so small ones cost more than they save."""


def batch_norm(x: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """What `norm` makes of `x` in training; updates its running statistics as it does.

    Given    x [n, c, h, w], float32 and contiguous in channels-last format, n * h * w at least 2
    Result   y [n, c, h, w]
    """
    y, mean, variance = _BatchNorm.apply(x, norm.weight, norm.bias, norm.eps)  # type: ignore[no-untyped-call]
    if norm.track_running_stats:
        _track(norm, mean, variance, x.numel() // x.shape[1])
    result: Tensor = y
    return result


def _track(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, pixels: int) -> None:
    assert norm.num_batches_tracked is not None
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.num_batches_tracked.add_(1)
    momentum = 1.0 / float(norm.num_batches_tracked) if norm.momentum is None else norm.momentum
    norm.running_mean.lerp_(mean, momentum)
    norm.running_var.lerp_(variance * (pixels / max(1, pixels - 1)), momentum)


class _BatchNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        channels, pixels = x.shape[1], x.numel() // x.shape[1]
        mean, variance = _moments(_rows(x), channels)
        inverse = (variance + eps).rsqrt()
        scale = weight * inverse.to(x.dtype)
        offset = bias - mean.to(x.dtype) * scale
        y = torch.empty_like(x)
        for source, to in zip(_pieces(_rows(x)), _pieces(_rows(y)), strict=True):
            torch.mul(source, _tiled(scale, source), out=to).add_(_tiled(offset, source))
        ctx.pixels = pixels
        ctx.save_for_backward(x, scale, offset, mean, inverse)
        mean, variance = mean.to(x.dtype), variance.to(x.dtype)
        ctx.mark_non_differentiable(mean, variance)
        return y, mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:  # noqa: ANN401
        x, scale, _offset, mean, inverse = ctx.saved_tensors
        dy = dy.contiguous(memory_format=torch.channels_last)
        channels, pixels = x.shape[1], ctx.pixels
        total, product = _gradient_sums(_rows(x), _rows(dy), mean.to(x.dtype))
        total, product = _folded(total, channels), _folded(product, channels) * inverse
        slope = -scale.double() * inverse * product / pixels
        level = -scale.double() * total / pixels - slope * mean
        dx = torch.empty_like(x)
        for out, source, given in zip(*map(_pieces, map(_rows, (dx, x, dy))), strict=True):
            torch.mul(given, _tiled(scale, given), out=out)
            out.addcmul_(source, _tiled(slope.to(x.dtype), source)).add_(_tiled(level.to(x.dtype), source))
        return dx, product.to(x.dtype), total.to(x.dtype), None


def _rows(x: Tensor) -> Tensor:
    """The map as rows of several pixels, [rows, pixels * c]."""
    channels = x.shape[1]
    together = math.gcd(x.numel() // channels, 2 ** math.ceil(math.log2(max(1, ROW / channels))))
    return x.permute(0, 2, 3, 1).reshape(-1, together * channels)


def _pieces(rows: Tensor) -> Iterator[Tensor]:
    return iter(torch.split(rows, max(1, PIECE * torch.get_num_threads() // rows.shape[1])))


def _tiled(values: Tensor, rows: Tensor) -> Tensor:
    return values.repeat(rows.shape[1] // len(values))


def _folded(row: Tensor, channels: int) -> Tensor:
    return row.view(-1, channels).sum(0)


def _moments(rows: Tensor, channels: int) -> tuple[Tensor, Tensor]:
    """Mean and variance of each channel in float64, merged from pieces, so that nothing cancels."""
    means, squares, counts = [], [], []
    scratch = _scratch(rows)
    for piece in _pieces(rows):
        mean = piece.mean(0)
        square = torch.sub(piece, mean, out=scratch[: len(piece)]).square_().sum(0)
        means.append(mean.double().view(-1, channels))
        squares.append(square.double().view(-1, channels))
        counts.append(torch.full((len(means[-1]), 1), float(len(piece)), dtype=torch.float64))
    mean_of, square_of, count_of = torch.cat(means), torch.cat(squares), torch.cat(counts)
    whole = count_of.sum()
    mean = (mean_of * count_of).sum(0) / whole
    variance = (square_of + count_of * (mean_of - mean).square()).sum(0) / whole
    return mean, variance


def _gradient_sums(x: Tensor, dy: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
    """Sums over the rows of dy and of dy * (x - mean), in float64."""
    total, product = (torch.zeros(x.shape[1], dtype=torch.float64) for _ in range(2))
    scratch, mean = _scratch(x), _tiled(mean, x)
    for source, given in zip(_pieces(x), _pieces(dy), strict=True):
        total += given.sum(0)
        product += torch.sub(source, mean, out=scratch[: len(source)]).mul_(given).sum(0)
    return total, product


def _scratch(rows: Tensor) -> Tensor:
    """A map of one piece. It serves all pieces: new memory costs more than sums."""
    return torch.empty_like(next(_pieces(rows)))
