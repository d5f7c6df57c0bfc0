"""Costs of operators in a runtime, by which the passes choose between equivalent layouts."""

from dataclasses import dataclass
from math import prod

from torch import nn

from micronet_edge.lowering.ir.channel_order import Order, segments

_FALLBACK_NS = 1e6


@dataclass(frozen=True, slots=True)
class Costs:
    """Costs of one runtime on one thread, in nanoseconds; only their ratios matter.

    A dense convolution costs `dense_madd_ns` per multiply-add. A grouped one costs `grouped_output_ns` per
    output and, per multiply-add, `grouped_pointwise_madd_ns` if it is 1 x 1, else `grouped_window_madd_ns`. A
    copy of scattered channels costs `segment_ns` per contiguous piece and `element_ns` per element, and far
    more beyond `most_pieces`, where the runtime falls back to slow code. A runtime that `gathers` does so for
    every shift, in any order, and once more if an activation's output order differs from its input order.

    If `depthwise_block` is not 0, the runtime is so fast at depthwise convolutions of whole blocks of that
    many channels that channel-multiplying convolutions are written as such, with K x 1 and 1 x K separate.

    A fusion of shifted inputs costs `fusion_ns` per element as products and sums. As a product with a matrix
    per image it costs `mixing_ns` per element, `mixing_madd_ns` per multiply-add and `matrix_ns` per matrix
    element. Zero means never.
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
        """Whether the grouped convolution is cheaper as a dense one."""
        inputs, outputs = conv.in_channels // conv.groups, conv.out_channels // conv.groups
        block, window = self.depthwise_block, prod(conv.kernel_size)
        if block and inputs % block == outputs % block == 0:
            return False  # a group of whole blocks is computed like a dense convolution
        grouped_madd_ns = self.grouped_pointwise_madd_ns if window == 1 else self.grouped_window_madd_ns
        if block and window > 1:
            grouped_madd_ns /= outputs  # most of it copies the window, once for all outputs of its group
        taps = window * conv.in_channels
        grouped_ns = self.grouped_output_ns + grouped_madd_ns * taps / conv.groups
        return self.dense_madd_ns * taps < grouped_ns

    def vain_ns(self, conv: nn.Conv2d, outputs: int) -> float:
        """The extra cost of making a grouped convolution dense."""
        vain = conv.in_channels - conv.in_channels // conv.groups
        return outputs * prod(conv.kernel_size) * vain * self.dense_madd_ns

    def copy_ns(self, index: Order, elements: int) -> float:
        """The cost of copying that many elements with their channels selected by `index`."""
        pieces = len(segments(index))
        if pieces == 1:
            return 0.0
        if self.gathers:
            return self.segment_ns + elements * self.element_ns
        fallback_ns = _FALLBACK_NS if pieces > self.most_pieces else 0.0
        return pieces * self.segment_ns + elements * self.element_ns + fallback_ns

    def permutation_ns(self, index: Order, elements: int) -> float:
        """The cost of shuffling that many elements, by a Gather or by a permuting convolution."""
        if self.gathers or len(segments(index)) == 1:
            return self.copy_ns(index, elements)
        return self.segment_ns + elements * len(index) * self.dense_madd_ns

    def mixing_pays(self, channels: int, pixels: int) -> bool:
        """Whether a fusion of shifted inputs is cheaper as one matrix product."""
        elements = channels * pixels
        mixing_ns = elements * (self.mixing_ns + self.mixing_madd_ns * channels)
        return mixing_ns + channels * channels * self.matrix_ns < elements * self.fusion_ns

    def extra_channels_ns(self, conv: nn.Conv2d, channels: int, pixels: int) -> float:
        """The cost of that many extra output channels of a dense convolution."""
        return channels * pixels * prod(conv.kernel_size) * conv.in_channels * self.dense_madd_ns
