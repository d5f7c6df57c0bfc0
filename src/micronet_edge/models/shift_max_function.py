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

PIECE = 65_536
"""Elements that one thread works on at a time: some five maps of them fit the cache of a core (1 MiB).

Twice PyTorch's grain size, below which it does not split an operation between threads.
"""


def shift_max(x: Tensor, coefficients: Tensor, index: Tensor) -> Tensor:
    """Dynamic Shift-Max with given coefficients, differentiable once.

    Given    x [n, c, h, w]
             coefficients [n, K, J, c]
             index [J, c]: the channel that each channel reads, for each shift; index[0] is the identity
    Result   y [n, c, h, w], equal bit for bit to multiplications, additions and torch.maximum one by one

    Gradients are those of that form, half each where two sums are equal. Only where a sum is not a number
    do they differ: here its gradient is halved as well, there it goes to both sums in full.
    """
    dtype = torch.promote_types(x.dtype, coefficients.dtype)
    y: Tensor = _ShiftMax.apply(x.to(dtype), coefficients.to(dtype), index)  # type: ignore[no-untyped-call]
    return y


class _ShiftMax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, coefficients: Tensor, index: Tensor) -> Tensor:  # noqa: ANN401
        y = torch.empty_like(x)
        leads = [torch.empty_like(x, dtype=torch.int8) for _ in range(1, coefficients.shape[1])]
        for piece in _pieces(x):
            _fuse(x[piece], coefficients[piece], index, y[piece], [lead[piece] for lead in leads])
        ctx.save_for_backward(x, coefficients, index, *leads)
        return y

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, Tensor | None, None]:  # noqa: ANN401
        x, coefficients, index, *leads = ctx.saved_tensors
        dx = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        da = torch.empty_like(coefficients) if ctx.needs_input_grad[1] else None
        inverse = index.argsort(dim=1)
        for piece in _pieces(x):
            shares = _shares(dy[piece], [lead[piece] for lead in leads])
            if da is not None:
                _differentiate_coefficients(shares, x[piece], index, da[piece])
            if dx is not None:
                _differentiate_input(shares, coefficients[piece], inverse, dx[piece])
        return dx, da, None


def _pieces(x: Tensor) -> Iterator[slice]:
    """The batch in pieces of whole images; one piece where the device is no CPU."""
    images = len(x)
    step = max(images, 1)
    if x.device.type == "cpu" and images:
        step = max(1, PIECE * torch.get_num_threads() // max(1, x[0].numel()))
    return (slice(start, start + step) for start in range(0, images, step))


def _fuse(x: Tensor, coefficients: Tensor, index: Tensor, y: Tensor, leads: list[Tensor]) -> None:
    """Writes y, and for each k > 0 whether the maximum of the sums before it is above (1) sum k or below (-1)."""
    shifted = [x, *(x.index_select(1, row) for row in index[1:])]
    total, scratch = torch.empty_like(x), torch.empty_like(x)
    for k, row in enumerate(coefficients.unbind(1)):
        fused = total if k else y
        for j, source in enumerate(shifted):
            torch.mul(row[:, j, :, None, None], source, out=scratch if j else fused)
            if j:  # not addcmul, which rounds once where the plain form rounds twice
                fused += scratch
        if k:
            leads[k - 1].copy_(torch.sub(y, total, out=scratch).sign_())
            torch.maximum(y, total, out=y)


def _shares(dy: Tensor, leads: list[Tensor]) -> list[Tensor]:
    """The gradient of each sum, for k < K: all of `dy` for the largest, half each for two equal ones."""
    shares = []
    for lead in reversed(leads):
        rest = torch.empty_like(dy).copy_(lead).add_(1).mul_(0.5).mul_(dy)
        shares.append(dy - rest)
        dy = rest
    return [dy, *reversed(shares)]


def _differentiate_coefficients(shares: list[Tensor], x: Tensor, index: Tensor, da: Tensor) -> None:
    scratch = torch.empty_like(x)
    for j, row in enumerate(index):
        source = x.index_select(1, row) if j else x
        for k, share in enumerate(shares):
            da[:, k, j] = torch.mul(share, source, out=scratch).sum((2, 3))


def _differentiate_input(shares: list[Tensor], coefficients: Tensor, inverse: Tensor, dx: Tensor) -> None:
    scratch = torch.empty_like(dx)
    for j, row in enumerate(inverse):
        total = scratch if j else dx
        for k, share in enumerate(shares):
            a = coefficients[:, k, j, :, None, None]
            if k:
                total.addcmul_(share, a)
            else:
                torch.mul(share, a, out=total)
        if j:
            dx += total.index_select(1, row)
