"""Layers that permute channels, each in the operators that suit a runtime."""

import torch
from torch import Tensor, nn

from micronet_edge.lowering.ir.channel_order import Order, segments
from micronet_edge.lowering.ir.convolutions import with_weights


class Reorder(nn.Module):
    """Permutes channels by slices and a concatenation.

    Given    x [n, c, ...]
    Result   y [n, c, ...], y[:, p] = x[:, index[p]]
    """

    def __init__(self, index: Order) -> None:
        super().__init__()
        self.pieces = segments(index)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x[:, start:stop] for start, stop in self.pieces], dim=1)


class GatheredReorder(Reorder):
    """Permutes channels by one Gather."""

    def __init__(self, index: Order) -> None:
        super().__init__(index)
        self.index = index

    def forward(self, x: Tensor) -> Tensor:
        return torch.index_select(x, 1, torch.tensor(self.index))


def reorder(index: Order, *, gathers: bool) -> Reorder:
    """The layer for an order of a few contiguous pieces."""
    return GatheredReorder(index) if gathers else Reorder(index)


def permutation(index: Order, *, gathers: bool) -> nn.Module:
    """The layer for any order: a Gather, or a pointwise convolution that moves all channels at once."""
    if gathers:
        return GatheredReorder(index)
    conv = nn.Conv2d(len(index), len(index), 1, bias=False)
    return with_weights(conv, torch.eye(len(index))[index][:, :, None, None], None)


class Repeat(nn.Module):
    """Repeats every channel several times.

    Given    x [n, c, h, w]
    Result   y [n, copies * c, h, w], y[:, p] = x[:, index[p]]
    """

    def __init__(self, index: tuple[int, ...], copies: int) -> None:
        super().__init__()
        self.index, self.copies = index, copies

    @classmethod
    def whole(cls, channels: int, copies: int) -> "Repeat":
        """Repeats all channels as a whole."""
        return cls(tuple(range(channels)) * copies, copies)

    def forward(self, x: Tensor) -> Tensor:
        return x[:, list(self.index)]
