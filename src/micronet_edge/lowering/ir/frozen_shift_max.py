"""Dynamic Shift-Max as one layer in inference form."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from micronet_edge.lowering.ir.channel_order import Order, inverse

RELU6_SPAN = 6.0


class FrozenShiftMax(nn.Module):
    """Dynamic Shift-Max in inference form.

    Given    x [n, width, h, w]; channel c of shifted input j is x[:, sources[j][c]]
    Result   y [n, c, h, w] = max over k of  sum over j of  (gate[k, j] + offset[k, j]) * x_j,
             gate = relu6(excite(relu(squeeze(mean of x_0)))), times `scale` if it is not 1

    `width` is larger than c if the producer outputs shifted copies as well. `groups` is the number of groups
    as trained, a hint for the choice of the channel order.
    """

    def __init__(  # noqa: PLR0913 - each is a term of the equation
        self,
        sources: tuple[tuple[int, ...], ...],
        groups: int,
        squeeze: nn.Conv2d,
        excite: nn.Conv2d,
        offset: Tensor,
        scale: float,
    ) -> None:
        super().__init__()
        self.sources, self.groups, self.scale = sources, groups, scale
        self.squeeze, self.excite = squeeze, excite
        self.register_buffer("offset", offset)
        self.offset: Tensor

    def sources_in_order(self, labels: Order) -> tuple[tuple[int, ...], ...]:
        """The sources by position, if the tensor holds channel labels[p] at position p."""
        position = inverse(labels)
        return tuple(tuple(position[np.array(source)[labels]].tolist()) for source in self.sources)

    def with_sources(self, sources: tuple[tuple[int, ...], ...]) -> "FrozenShiftMax":
        """The same activation with other source channels."""
        return FrozenShiftMax(sources, self.groups, self.squeeze, self.excite, self.offset, self.scale)

    @property
    def channels(self) -> int:
        return len(self.sources[0])

    @property
    def shifts(self) -> int:
        return len(self.sources)

    @property
    def fusions(self) -> int:
        return self.offset.shape[1] // (self.shifts * self.channels)

    def gates(self, x: Tensor) -> tuple[Tensor, ...]:
        """The coefficients, one [n, c, 1, 1] per fusion and shift, fusion by fusion."""
        squeezed = functional.relu(self.squeeze(functional.adaptive_avg_pool2d(x, 1)))
        gate = functional.relu6(self.excite(squeezed)) + self.offset
        return torch.split(gate if self.scale == 1.0 else gate * self.scale, self.channels, dim=1)

    def fuse(self, shifted: list[Tensor]) -> Tensor:
        """The maximum over the fusions of the shifted inputs, x_0 first."""
        gates = iter(self.gates(shifted[0]))
        fused: Tensor | None = None
        for _ in range(self.fusions):
            total = next(gates) * shifted[0]
            for source in shifted[1:]:
                total = total + next(gates) * source
            fused = total if fused is None else torch.maximum(fused, total)
        assert fused is not None  # there is at least one fusion
        return fused

    def forward(self, x: Tensor) -> Tensor:
        return self.fuse([x[:, list(source)] for source in self.sources])
