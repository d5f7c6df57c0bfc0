"""Merges a dense K x 1 convolution and the 1 x K behind it, with columns that make the borders right."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.convolutions import bias_of, conv_at, is_dense
from micronet_edge.lowering.ir.graph import calls, feeds_only, module_of, only_input, replace_module, shape_of
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.passes.merge_factorized_convolution import is_plain_pair, merged_conv

_EXACT = 1e-9
_LARGEST = 100.0
"""The largest number in a column: with larger ones float32 would not cancel the bias out."""


class BesideColumns(nn.Module):
    """A tensor between columns that are the same in every image.

    Given    x [n, c, h, w], `left` [1, c, h, l], `right` [1, c, h, r]
    Result   y [n, c, h, l + w + r]
    """

    def __init__(self, left: Tensor, right: Tensor) -> None:
        super().__init__()
        self.register_buffer("left", left)
        self.register_buffer("right", right)
        self.left: Tensor
        self.right: Tensor

    def forward(self, x: Tensor) -> Tensor:
        pieces = [side.expand(len(x), *side.shape[1:]) for side in (self.left, self.right)]
        pieces.insert(1, x)
        return torch.cat([piece for piece in pieces if piece.shape[3]], dim=3)


class MergeWithPaddingColumns(Pass):
    """Merges the halves of a convolution whose first half is dense, at no cost at the borders.

    Given    x -> dense Conv2d K x 1 with bias b -> Conv2d 1 x K, one input channel per group -> y
    Result   x between columns for which the first half would give 0 -> Conv2d K x K, b inside -> y

    The second half pads with zeros what the first left at b. A column x' of pixels with V x' = -b gives that
    zero: h unknown numbers for each input channel, h / stride equations for each channel in between.

    For files that take a fixed number of images: for any number ONNX repeats the columns in five operators.
    """

    def change(self, network: fx.GraphModule) -> int:
        columns = {node: _column(node) for node, _ in calls(network, nn.Conv2d)}
        places = [(node, column) for node, column in columns.items() if column is not None]
        for node, column in places:
            _merge(network, node, column)
        return len(places)

    def check_after(self, network: fx.GraphModule) -> None:
        for node, _ in calls(network, nn.Conv2d):
            if _column(node) is not None:
                raise LoweringError(f"{node.target} could have been merged")


def _column(node: fx.Node) -> Tensor | None:
    """The column between which the pair that ends at the node can be merged; None where there is none."""
    producer = only_input(node)
    vertical, horizontal = module_of(producer), module_of(node)
    if not (isinstance(vertical, nn.Conv2d) and isinstance(horizontal, nn.Conv2d)):
        return None
    if not (is_dense(vertical) and feeds_only(producer, node) and is_plain_pair(vertical, horizontal)):
        return None
    return silent_column(vertical, shape_of(only_input(producer))[2])


def silent_column(vertical: nn.Conv2d, height: int) -> Tensor | None:
    """A column [c, height] for which a K x 1 convolution gives 0 everywhere; None where there is none."""
    weight = vertical.weight.detach().double()[..., 0].numpy()
    outputs, inputs, taps = weight.shape
    rows = (height - 1) // vertical.stride[0] + 1
    if rows * outputs > inputs * height:
        return None
    equations = np.zeros((rows, outputs, inputs, height))
    for row in range(rows):
        for tap in range(taps):
            place = row * vertical.stride[0] + tap - taps // 2
            if 0 <= place < height:
                equations[row, :, :, place] = weight[:, :, tap]
    wanted = -np.tile(bias_of(vertical).double().numpy(), rows)
    column = _solution(equations.reshape(rows * outputs, inputs * height), wanted)
    return None if column is None else torch.from_numpy(column).float().view(inputs, height)


def _solution(equations: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The smallest solution, if there is one and it is of the size of a picture's numbers."""
    try:
        solution: NDArray[np.float64] = equations.T @ np.linalg.solve(equations @ equations.T, wanted)
    except np.linalg.LinAlgError:
        return None
    exact = np.allclose(equations @ solution, wanted, rtol=0, atol=_EXACT)
    return solution if exact and np.abs(solution).max() < _LARGEST else None


def read_to_the_right(conv: nn.Conv2d, x: fx.Node, y: fx.Node) -> int:
    """How many columns of its padding to the right of x the convolution reads to give y."""
    last = (shape_of(y)[3] - 1) * conv.stride[1] - int(conv.padding[1]) + conv.kernel_size[1] - 1
    return max(0, last + 1 - shape_of(x)[3])


def _merge(network: fx.GraphModule, node: fx.Node, column: Tensor) -> None:
    vertical_node = only_input(node)
    vertical, horizontal = conv_at(vertical_node), conv_at(node)
    sides = horizontal.kernel_size[1] // 2, read_to_the_right(horizontal, vertical_node, node)
    left, right = (column[None, :, :, None].repeat(1, 1, 1, count) for count in sides)
    copies = horizontal.out_channels // horizontal.in_channels
    passed = bias_of(vertical).double().repeat_interleave(copies) * horizontal.weight.detach().double().sum(
        (1, 2, 3)
    )
    merged = merged_conv(vertical, horizontal, bias_of(horizontal).double() + passed)
    merged.padding = (vertical.kernel_size[0] // 2, 0)
    replace_module(network, vertical_node, BesideColumns(left, right))
    replace_module(network, node, merged)
