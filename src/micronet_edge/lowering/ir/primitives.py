"""Primitives: layers of one operator each, into which composite layers decompose."""

import torch
from torch import Tensor, nn


class Add(nn.Module):
    """The sum of two tensors of the same shape."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


class Multiply(nn.Module):
    """The product of x [n, c, h, w] and y, of the same shape or [n, c, 1, 1]."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x * y


class Maximum(nn.Module):
    """The elementwise maximum of two tensors."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return torch.maximum(x, y)


class Constant(nn.Module):
    """Base class of layers with one constant tensor."""

    def __init__(self, constant: Tensor) -> None:
        super().__init__()
        self.register_buffer("constant", constant.detach().clone())
        self.constant: Tensor


class AddConstant(Constant):
    """The tensor plus a constant that is the same for every image."""

    def forward(self, x: Tensor) -> Tensor:
        return x + self.constant


class MultiplyConstant(Constant):
    """The tensor times a constant."""

    def forward(self, x: Tensor) -> Tensor:
        return x * self.constant


class Channels(nn.Module):
    """The channels [start, stop)."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.start : self.stop]


class Concatenate(nn.Module):
    """Tensors concatenated along the channels."""

    def forward(self, *tensors: Tensor) -> Tensor:
        return torch.cat(tensors, dim=1)


class Columns(nn.Module):
    """The columns of pixels [start, stop)."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, x: Tensor) -> Tensor:
        return x[..., self.start : self.stop]


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


class DynamicPointwiseWeight(nn.Module):
    """The weight of a DynamicPointwise: coefficients at their places in a sparse matrix.

    Given    J coefficients, each [n, d, 1, 1]; `sources[j][o]` is the input channel of output o
    Result   m [n, c, 1, d], coefficient j of output o at m[:, sources[j][o], 0, o], zero elsewhere
    """

    def __init__(self, sources: tuple[tuple[int, ...], ...], width: int) -> None:
        super().__init__()
        self.sources, self.width = sources, width
        outputs = len(sources[0])
        masks = torch.zeros(len(sources), width, 1, outputs)
        for j, source in enumerate(sources):
            masks[j, list(source), 0, range(outputs)] = 1.0
        self.register_buffer("masks", masks)
        self.masks: Tensor

    def forward(self, *coefficients: Tensor) -> Tensor:
        rows = [coefficient.transpose(1, 3) for coefficient in coefficients]  # [n, 1, 1, d]
        placed = [mask * row for mask, row in zip(self.masks, rows, strict=True)]
        return torch.stack(placed).sum(0)


class DynamicPointwise(nn.Module):
    """A pointwise convolution with separate weights for each image.

    Given    x [n, c, h, w], matrix [n, c, 1, d]
    Result   y [n, d, h, w]
    """

    def forward(self, x: Tensor, matrix: Tensor) -> Tensor:
        n, _, h, w = x.shape
        outputs = matrix.shape[3]
        return (matrix.squeeze(2).transpose(1, 2) @ x.flatten(2)).view(n, outputs, h, w)
