"""The window of a pooling layer as attributes of an operator."""

from torch import nn


def window(layer: nn.MaxPool2d | nn.AvgPool2d) -> dict[str, list[int]]:
    """The height and width of the window, how far it moves, and the border around the map."""
    size = pair(layer.kernel_size)
    stride = size if layer.stride is None else pair(layer.stride)
    return {"kernel_shape": size, "strides": stride, "pads": pair(layer.padding) * 2}


def pair(sides: int | tuple[int, ...]) -> list[int]:
    """The same for height and width where only one is given."""
    return [sides, sides] if isinstance(sides, int) else list(sides)
