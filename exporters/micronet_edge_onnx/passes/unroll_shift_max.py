"""Writes Dynamic Shift-Max in operators that every runtime has."""

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.channel_order import segments
from micronet_edge.lowering.ir.frozen_shift_max import FrozenShiftMax
from micronet_edge.lowering.ir.graph import calls, replace_module
from micronet_edge.lowering.ir.pass_base import Pass


class SlicedShiftMax(FrozenShiftMax):
    """Dynamic Shift-Max for any runtime: its shifted inputs are slices, concatenated where there are several.

    Its coefficients come of products with a row. ONNX Runtime puts the input and output of a convolution of
    one pixel into blocks of channels and out of them; MNN clips such a one after it has added the offset.
    """

    @classmethod
    def of(cls, frozen: FrozenShiftMax) -> "SlicedShiftMax":
        return cls(frozen.sources, frozen.groups, frozen.squeeze, frozen.excite, frozen.offset, frozen.scale)

    def forward(self, x: Tensor) -> Tensor:
        return self.fuse([self._shifted(x, source) for source in self.sources])

    def gates(self, x: Tensor) -> tuple[Tensor, ...]:
        row = functional.adaptive_avg_pool2d(x, 1).flatten(1)
        squeezed = functional.relu(_product(self.squeeze, row))
        gate = functional.relu6(_product(self.excite, squeezed)) + self.offset.flatten(1)
        pixel = (gate if self.scale == 1.0 else gate * self.scale).reshape(-1, gate.shape[1], 1, 1)
        return torch.split(pixel, self.channels, dim=1)

    def _shifted(self, x: Tensor, source: tuple[int, ...]) -> Tensor:
        pieces = segments(np.array(source))
        if pieces == [(0, x.shape[1])]:
            return x
        slices = [x[:, start:stop] for start, stop in pieces]
        return slices[0] if len(slices) == 1 else torch.cat(slices, dim=1)


class GatheredShiftMax(SlicedShiftMax):
    """Dynamic Shift-Max for ONNX Runtime: its shifted inputs are one Gather each along the channels."""

    def _shifted(self, x: Tensor, source: tuple[int, ...]) -> Tensor:
        if len(segments(np.array(source))) == 1:
            return super()._shifted(x, source)
        return torch.index_select(x, 1, torch.tensor(source))


def _product(conv: nn.Conv2d, row: Tensor) -> Tensor:
    """The 1 x 1 convolution of rows [n, c]."""
    return functional.linear(row, conv.weight.flatten(1), conv.bias)


class UnrollShiftMax(Pass):
    """Gives every frozen shift-max its final form, the one that is fastest in the runtime.

    Given    FrozenShiftMax
    Result   mean, two products with a row, slices and concatenations (or Gather), multiply, add, max
    """

    def __init__(self, form: type[SlicedShiftMax]) -> None:
        self.form = form

    def change(self, network: fx.GraphModule) -> int:
        frozen = [(node, module) for node, module in calls(network, FrozenShiftMax) if not _unrolled(module)]
        for node, module in frozen:
            replace_module(network, node, self.form.of(module))
        return len(frozen)

    def check_after(self, network: fx.GraphModule) -> None:
        for node, module in calls(network, FrozenShiftMax):
            if not isinstance(module, self.form):
                raise LoweringError(f"{node.target} is not unrolled")


def _unrolled(module: FrozenShiftMax) -> bool:
    return isinstance(module, SlicedShiftMax)
