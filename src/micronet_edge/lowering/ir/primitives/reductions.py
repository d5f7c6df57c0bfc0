"""Means, sums and extremes along axes."""

from torch import Tensor, nn


class Reduction(nn.Module):
    """Base class of layers that leave one number of all along some axes.

    Given    x; `axes`, none of which is that of the images; whether they stay as axes of length 1
    """

    def __init__(self, axes: tuple[int, ...], *, keeps_axes: bool) -> None:
        super().__init__()
        self.axes, self.keeps_axes = axes, keeps_axes


class Mean(Reduction):
    """The mean along the axes."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(self.axes, keepdim=self.keeps_axes)


class Sum(Reduction):
    """The sum along the axes."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum(self.axes, keepdim=self.keeps_axes)


class Largest(Reduction):
    """The largest number along the axes."""

    def forward(self, x: Tensor) -> Tensor:
        return x.amax(self.axes, keepdim=self.keeps_axes)


class Smallest(Reduction):
    """The smallest number along the axes."""

    def forward(self, x: Tensor) -> Tensor:
        return x.amin(self.axes, keepdim=self.keeps_axes)
