"""Layers that move numbers: slices, concatenations, permutations and shapes."""

import torch
from torch import Tensor, nn


class Channels(nn.Module):
    """The channels [start, stop)."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.start : self.stop]


class Columns(nn.Module):
    """The columns of pixels [start, stop)."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, x: Tensor) -> Tensor:
        return x[..., self.start : self.stop]


class Reshape(nn.Module):
    """The same numbers in the same order, in another shape.

    `shape` is that of the result, with -1 for the one axis whose length depends on the number of images.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(self.shape)


class Permute(nn.Module):
    """The axes in another order: axis k of the result is axis order[k] of the input."""

    def __init__(self, order: tuple[int, ...]) -> None:
        super().__init__()
        self.order = order

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.order)


class Slice(nn.Module):
    """The positions [start, stop) of an axis that is not that of the images, every `step`-th of them."""

    def __init__(self, axis: int, start: int, stop: int, step: int = 1) -> None:
        super().__init__()
        self.axis, self.start, self.stop, self.step = axis, start, stop, step

    def forward(self, x: Tensor) -> Tensor:
        whole = [slice(None)] * self.axis
        return x[(*whole, slice(self.start, self.stop, self.step))]


class Expand(nn.Module):
    """Axes of length 1 repeated to other lengths.

    `shape` is that of the result, of the input's rank, with -1 for the axis of the images.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return x.expand(self.shape)


class Concatenate(nn.Module):
    """Tensors concatenated along an axis, by default the channels."""

    def __init__(self, axis: int = 1) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, *tensors: Tensor) -> Tensor:
        return torch.cat(tensors, dim=self.axis)


class ConcatenateColumns(nn.Module):
    """Tensors concatenated along the width."""

    def forward(self, *tensors: Tensor) -> Tensor:
        return torch.cat(tensors, dim=3)


class ColumnsToChannels(nn.Module):
    """Several columns as the channels of one; a view in channels-last layout.

    Given    x [n, c, h, w]
    Result   y [n, columns * c, h, w / columns], column by column
    """

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.columns = columns

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        return x.reshape(n, c, h, w // self.columns, self.columns).movedim(4, 1).flatten(1, 2)


class ChannelsToColumns(nn.Module):
    """The inverse of ColumnsToChannels.

    Given    x [n, columns * c, h, w]
    Result   y [n, c, h, columns * w]
    """

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.columns = columns

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        return x.reshape(n, self.columns, c // self.columns, h, w).movedim(1, 4).flatten(3, 4)
