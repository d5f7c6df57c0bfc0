"""Numbers around a tensor."""

import torch
from torch import Tensor, nn


class Pad(nn.Module):
    """The tensor with more numbers before and behind, along each axis.

    `sides` are how many before and behind, for each axis; they are `value`, or mirrored (without the edge
    itself) where it is None.
    """

    def __init__(self, sides: tuple[tuple[int, int], ...], value: float | None = 0.0) -> None:
        super().__init__()
        self.sides, self.value = sides, value

    def forward(self, x: Tensor) -> Tensor:
        if self.value is None:
            return self._mirrored(x)
        flat = [side for sides in reversed(self.sides) for side in sides]
        return nn.functional.pad(x, flat, value=self.value)

    def _mirrored(self, x: Tensor) -> Tensor:
        for axis, (before, behind) in enumerate(self.sides):
            length = x.shape[axis]
            places = [*range(before, 0, -1), *range(length), *range(length - 2, length - 2 - behind, -1)]
            x = x.index_select(axis, torch.tensor(places))
        return x


class Frame(nn.Module):
    """The tensor with a border of one constant per channel.

    Given    x [n, c, h, w], `values` [c], the border's height and width
    Result   y [n, c, h + 2 vertical, w + 2 horizontal]
    """

    def __init__(self, values: Tensor, vertical: int, horizontal: int) -> None:
        super().__init__()
        self.vertical, self.horizontal = vertical, horizontal
        self.register_buffer("values", values.detach().clone())
        self.values: Tensor

    def forward(self, x: Tensor) -> Tensor:
        v, h = self.vertical, self.horizontal
        border = self.values.view(1, -1, 1, 1)
        return nn.functional.pad(x - border, (h, h, v, v)) + border
