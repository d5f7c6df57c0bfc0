"""Products of two computed matrices."""

import torch
from torch import Tensor, nn


class MatrixProduct(nn.Module):
    """The products of matrices [..., p, q] and [..., q, r], of the same rank, 3 or more.

    The axes before the last two are equal or broadcast.
    """

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x @ y


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
