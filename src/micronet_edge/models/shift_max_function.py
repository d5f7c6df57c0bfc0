"""Dynamic Shift-Max for training: the same numbers as the plain form, from a third of the saved maps.

    y[c] = max over k < K of  sum over j < J of  a[k, j, c] * x[shift_j(c)]

Autograd keeps every shifted map and every sum of the plain form, and takes each of its some forty operations
over the whole batch. This function keeps the input and one byte for each maximum of a pixel, and works on
a few images at a time: their maps stay in the processor's cache between operations.

Source: arXiv 2108.05894, section 4, equation 6; the shifts are those of `dynamic_shift_max`.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

PIECE = 262_144
"""Elements of a map that one thread works on at a time, measured: fewer cost calls, more leave the cache."""


def shift_max(x: Tensor, coefficients: Tensor, groups: int) -> Tensor:
    """Dynamic Shift-Max with given coefficients, differentiable once, in PyTorch's operations.

    Given    x [n, c, h, w]
             coefficients [n, K, J, c]
    Result   y [n, c, h, w], equal bit for bit to multiplications, additions and torch.maximum one by one

    Gradients are those of that form, half each where two sums are equal. Only where a sum is not a number
    do they differ: here its gradient is halved as well, there it goes to both sums in full.
    """
    dtype = torch.promote_types(x.dtype, coefficients.dtype)
    y: Tensor = _ShiftMax.apply(x.to(dtype), coefficients.to(dtype), groups)  # type: ignore[no-untyped-call]
    return y


class _ShiftMax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, coefficients: Tensor, groups: int) -> Tensor:  # noqa: ANN401
        y = torch.empty_like(x)
        leads = [torch.empty_like(x, dtype=torch.int8) for _ in range(1, coefficients.shape[1])]
        scratch = _scratch(x, coefficients.shape[2] + 1)
        for piece in _pieces(x):
            maps = [x[piece], y[piece], *(lead[piece] for lead in leads)]
            _fuse(maps, coefficients[piece], groups, [each[: len(maps[0])] for each in scratch])
        ctx.save_for_backward(x, coefficients, *leads)
        ctx.groups = groups
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, Tensor | None, None]:  # noqa: ANN401
        x, coefficients, *leads = ctx.saved_tensors
        dx = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        da = torch.empty_like(coefficients) if ctx.needs_input_grad[1] else None
        scratch = _scratch(x, len(leads) + 3)
        for piece in _pieces(x):
            own = [each[: len(x[piece])] for each in scratch]
            shares = _shares(dy[piece], [lead[piece] for lead in leads], own[2:])
            if da is not None:
                _differentiate_coefficients(shares, x[piece], ctx.groups, da[piece], own)
            if dx is not None:
                _differentiate_input(shares, coefficients[piece], ctx.groups, dx[piece], own)
        return dx, da, None


def _step(x: Tensor) -> int:
    """Images in a piece; all where the device is no CPU."""
    if x.device.type != "cpu":
        return max(1, len(x))
    return max(1, PIECE * torch.get_num_threads() // max(1, x[:1].numel()))


def _pieces(x: Tensor) -> Iterator[slice]:
    step = _step(x)
    return (slice(start, start + step) for start in range(0, len(x), step))


def _scratch(x: Tensor, count: int) -> list[Tensor]:
    """Maps of one piece. They serve all pieces: new memory costs more than sums."""
    return [torch.empty_like(x[: _step(x)]) for _ in range(count)]


def _roll(x: Tensor, groups: int, shift: int, out: Tensor) -> Tensor:
    """Writes to `out` the map whose channel (g, i) is x's channel (g + shift, i + shift), each modulo."""
    source, to = (each.view(len(x), groups, -1, *x.shape[2:]) for each in (x, out))
    width = source.shape[2]
    down, along = shift % groups, shift % width
    if x.is_contiguous(memory_format=torch.channels_last) and out.stride() == x.stride():
        # A group is a short run here. One copy of everything, then the edges, is faster than four of runs.
        every, ahead = (each.permute(0, 2, 3, 1).reshape(-1) for each in (out, x))
        offset = down * width + along
        every[: len(every) - offset] = ahead[offset:]
    else:
        to[:, : groups - down, : width - along] = source[:, down:, along:]
    if along:
        to[:, : groups - down, width - along :] = source[:, down:, :along]
    if down:
        to[:, groups - down :, : width - along] = source[:, :down, along:]
    if along and down:
        to[:, groups - down :, width - along :] = source[:, :down, :along]
    return out


def _fuse(maps: list[Tensor], coefficients: Tensor, groups: int, scratch: list[Tensor]) -> None:
    """Writes y, and for each k > 0 whether the maximum so far is above sum k (1) or below it (-1)."""
    x, y, *leads = maps
    total, product, *others = scratch
    shifted = [x, *(_roll(x, groups, j, to) for j, to in enumerate(others, start=1))]
    for k, row in enumerate(coefficients.unbind(1)):
        fused = total if k else y
        for j, source in enumerate(shifted):
            torch.mul(row[:, j, :, None, None], source, out=product if j else fused)
            if j:  # not addcmul, which rounds once where the plain form rounds twice
                fused += product
        if k:
            leads[k - 1].copy_(torch.sub(y, total, out=product).sign_())
            torch.maximum(y, total, out=y)


def _shares(dy: Tensor, leads: list[Tensor], scratch: list[Tensor]) -> list[Tensor]:
    """The gradient of each sum, for k < K: all of `dy` for the largest, half each for two equal ones."""
    shares = []
    for lead, rest, share in zip(reversed(leads), scratch[1:], scratch, strict=False):
        rest.copy_(lead).add_(1).mul_(0.5).mul_(dy)
        shares.append(torch.sub(dy, rest, out=share))
        dy = rest
    return [dy, *reversed(shares)]


def _differentiate_coefficients(
    shares: list[Tensor], x: Tensor, groups: int, da: Tensor, scratch: list[Tensor]
) -> None:
    product, shifted, *_ = scratch
    for j in range(da.shape[2]):
        source = _roll(x, groups, j, shifted) if j else x
        for k, share in enumerate(shares):
            da[:, k, j] = torch.mul(share, source, out=product).sum((2, 3))


def _differentiate_input(
    shares: list[Tensor], coefficients: Tensor, groups: int, dx: Tensor, scratch: list[Tensor]
) -> None:
    for j in range(coefficients.shape[2]):
        total = scratch[0] if j else dx
        for k, share in enumerate(shares):
            a = coefficients[:, k, j, :, None, None]
            if k:
                total.addcmul_(share, a)
            else:
                torch.mul(share, a, out=total)
        if j:
            dx += _roll(total, groups, -j, scratch[1])
