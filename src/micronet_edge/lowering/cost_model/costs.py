"""What operators cost a runtime: the figures by which the passes choose between exact forms."""

from dataclasses import dataclass
from math import prod

from torch import nn

from micronet_edge.lowering.ir.channel_order import Order, segments

_FALLBACK_NS = 1e6


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs of one thread of one runtime in nanoseconds; only their ratios matter.

    A dense convolution costs `dense_madd_ns` for each multiply-add. One in groups costs
    `grouped_output_ns` for each output and, for each multiply-add, `grouped_pointwise_madd_ns` if it
    is 1 x 1, else `grouped_window_madd_ns`. A copy of scattered channels costs `segment_ns` for each
    contiguous piece and `element_ns` for each element, and far more beyond `most_pieces`, where the
    runtime falls back to slow code. Where it `gathers`, it does so for every shift, whatever the order,
    and once more where an activation gives its channels in another order than it takes them.

    Where `depthwise_block` is not 0, the runtime is so much faster at depthwise convolutions of whole blocks
    of that many channels that those which multiply channels are written as such, and K x 1 and 1 x K apart.

    A fusion of shifted inputs costs `fusion_ns` an element when multiplied and added one by one. As a
    product with a matrix made for each image it costs `mixing_ns` an element, `mixing_madd_ns` a
    multiply-add and `matrix_ns` for each of the matrix's numbers. Zero: it is never done so.
    """

    dense_madd_ns: float
    grouped_output_ns: float
    grouped_pointwise_madd_ns: float
    grouped_window_madd_ns: float
    segment_ns: float
    element_ns: float
    most_pieces: int
    gathers: bool
    depthwise_block: int = 0
    fusion_ns: float = 0.0
    mixing_ns: float = 0.0
    mixing_madd_ns: float = 0.0
    matrix_ns: float = 0.0

    def dense_pays(self, conv: nn.Conv2d) -> bool:
        """Whether the grouped convolution is cheaper without its groups."""
        window = prod(conv.kernel_size)
        grouped_madd_ns = self.grouped_pointwise_madd_ns if window == 1 else self.grouped_window_madd_ns
        taps = window * conv.in_channels
        grouped_ns = self.grouped_output_ns + grouped_madd_ns * taps / conv.groups
        return self.dense_madd_ns * taps < grouped_ns

    def vain_ns(self, conv: nn.Conv2d, outputs: int) -> float:
        """What it costs to make a grouped convolution dense that is better off in groups."""
        vain = conv.in_channels - conv.in_channels // conv.groups
        return outputs * prod(conv.kernel_size) * vain * self.dense_madd_ns

    def copy_ns(self, index: Order, elements: int) -> float:
        """What it costs to copy that many elements with their channels picked by `index`."""
        pieces = len(segments(index))
        if pieces == 1:
            return 0.0
        if self.gathers:
            return self.segment_ns + elements * self.element_ns
        fallback_ns = _FALLBACK_NS if pieces > self.most_pieces else 0.0
        return pieces * self.segment_ns + elements * self.element_ns + fallback_ns

    def permutation_ns(self, index: Order, elements: int) -> float:
        """What it costs to shuffle that many elements, by a Gather or by a convolution that only moves."""
        if self.gathers or len(segments(index)) == 1:
            return self.copy_ns(index, elements)
        return self.segment_ns + elements * len(index) * self.dense_madd_ns

    def mixing_pays(self, channels: int, pixels: int) -> bool:
        """Whether a fusion of shifted inputs is cheaper as one product with a matrix."""
        elements = channels * pixels
        mixing_ns = elements * (self.mixing_ns + self.mixing_madd_ns * channels)
        return mixing_ns + channels * channels * self.matrix_ns < elements * self.fusion_ns

    def extra_channels_ns(self, conv: nn.Conv2d, channels: int, pixels: int) -> float:
        """What it costs a dense convolution to give that many channels more."""
        return channels * pixels * prod(conv.kernel_size) * conv.in_channels * self.dense_madd_ns
