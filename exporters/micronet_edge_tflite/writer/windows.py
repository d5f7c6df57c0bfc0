"""The windows of poolings: where they lie, and which of the format's paddings is theirs."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.quantization.quantized_tensors import keeps_qparams
from micronet_edge_tflite.writer.axis_order import CHANNELS_LAST
from micronet_edge_tflite.writer.call import Call

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """Heights and widths of a window, its steps, and the border around the map."""

    size: Pair
    stride: Pair
    padding: Pair

    def is_same(self, call: Call) -> bool:
        """Whether TFLite's SAME is this padding: as many windows, and the first one starts at one place.

        Source: tflite/kernels/padding.h, ComputePaddingWithOffset.
        """
        given, made = (call.tensors.shape(node)[1:3] for node in (call.sources[0], call.node))
        sides = zip(given, made, self.size, self.stride, self.padding, strict=True)
        return all(_is_same(*side) for side in sides)

    @property
    def even_sides(self) -> tuple[Pair, Pair]:
        """The border before and behind the map, in rows and in columns."""
        vertical, horizontal = self.padding
        return (vertical, vertical), (horizontal, horizontal)

    def sides(self, call: Call) -> tuple[Pair, Pair]:
        """The border, behind the map as far as the last windows reach."""
        given, made = (call.tensors.shape(node)[1:3] for node in (call.sources[0], call.node))
        rows, columns = (
            (pad, max(pad, (count - 1) * stride + size - pad - length))
            for length, count, size, stride, pad in zip(
                given, made, self.size, self.stride, self.padding, strict=True
            )
        )
        return rows, columns

    def mean_factors(self, call: Call) -> NDArray[np.float32]:
        """What undoes that zeros of the border count, [1, h, w, 1]."""
        ones = torch.ones(1, 1, *call.tensors.shape(call.sources[0])[1:3])
        share = nn.functional.avg_pool2d(ones, self.size, self.stride, self.padding)
        return (1 / share).numpy().transpose(CHANNELS_LAST)


def window_of(layer: nn.MaxPool2d | nn.AvgPool2d) -> Window:
    """The window of a pooling layer."""
    stride = layer.kernel_size if layer.stride is None else layer.stride
    return Window(_pair(layer.kernel_size), _pair(stride), _pair(layer.padding))


def is_never_negative(node: fx.Node) -> bool:
    """Whether a clip makes all numbers of the node zero or more."""
    layer = module_of(node)
    if isinstance(layer, nn.Hardtanh):
        return float(layer.min_val) >= 0
    moved = keeps_qparams(node) and len(node.all_input_nodes) == 1
    return isinstance(layer, nn.ReLU) or (moved and is_never_negative(node.all_input_nodes[0]))


def _is_same(given: int, made: int, size: int, stride: int, padding: int) -> bool:
    around = max((made - 1) * stride + size - given, 0)
    return -(-given // stride) == made and around // 2 == padding


def _pair(value: int | tuple[int, ...]) -> Pair:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))
