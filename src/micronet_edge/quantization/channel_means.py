"""The mean of each channel of a layer's output, wherever its channels and the images lie."""

from torch import Tensor, fx

from micronet_edge.lowering.ir.graph import batch_axis, module_of
from micronet_edge.quantization.stored_weights import channel_axis


def by_channel(node: fx.Node, values: Tensor) -> Tensor:
    """The output of a convolution or a linear layer as [n, c, ...].

    Behind a linear layer the channels are the last axis. A tensor without an axis of images has them all in
    its first one.
    """
    layer = module_of(node)
    assert layer is not None
    channels, images = channel_axis(layer) % values.ndim, batch_axis(node) or 0
    return values.movedim((images, channels), (0, 1))


def channel_means(values: Tensor) -> Tensor:
    """The mean over all positions, summed over the images: [c] of [n, c, ...]."""
    return values.flatten(2).mean(2).sum(0) if values.ndim > 2 else values.sum(0)  # noqa: PLR2004
