"""Dynamic Shift-Max: the activation that fuses channels with coefficients computed from the input.

    y[c] = max over k < K of  sum over j < J of  a[k, j, c](x) * x[shift_j(c)]

Source: arXiv 2108.05894, section 4, equation 6. The paper shifts by whole groups,
shift_j(c) = c + j * C / G mod C. The released networks, and so this layer, shift by one on both axes
(group, position in the group): shift_j(g, i) = (g + j, i + j), each axis modulo its length. J = 1 is
Dynamic ReLU (arXiv 2003.10027).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from micronet_edge.errors import SettingsError
from micronet_edge.models.activation_training import (
    Coefficients,
    can_fuse,
    fused_dynamic_shift_max,
    fused_shift_max,
    order_after,
)
from micronet_edge.models.gradient_wanted import gradient_wanted
from micronet_edge.models.shift_max_function import shift_max
from micronet_edge.models.training_functions import spatial_mean
from micronet_edge.util.text import plural

COEFFICIENT_RANGE = 4.0
"""Width of a coefficient's interval: initial value - 2 to initial value + 2."""


def shift_indices(channels: int, groups: int, shifts: int) -> tuple[tuple[int, ...], ...]:
    """The input channel that each output channel reads, for each shift j < J: [J][C].

    Raises SettingsError unless `groups` divides `channels` and `shifts` is at least 1.
    """
    if channels < 1 or groups < 1 or channels % groups:
        raise SettingsError(f"{plural(channels, 'channel')} cannot be split into {plural(groups, 'group')}")
    if shifts < 1:
        raise SettingsError(f"Dynamic Shift-Max needs at least one shifted input, not {shifts}")
    width = channels // groups
    return tuple(
        tuple(
            (group + shift) % groups * width + (position + shift) % width
            for group in range(groups)
            for position in range(width)
        )
        for shift in range(shifts)
    )


def squeeze_width(channels: int, reduction: int) -> int:
    """Width of the hidden layer that computes the coefficients, a multiple of 4."""
    wanted = channels // reduction
    width = max(4, (wanted + 2) // 4 * 4)
    return width + 4 if width < 0.9 * wanted else width


def identity_coefficients(fusions: int, shifts: int) -> tuple[tuple[float, ...], ...]:
    """Initial coefficients [K][J] under which every fusion passes its input through."""
    return tuple(tuple(float(shift == 0) for shift in range(shifts)) for _ in range(fusions))


class DynamicShiftMax(nn.Module):
    """Dynamic Shift-Max over a feature map.

    Given    x [n, c, h, w]
    Result   y [n, c, h, w]; fusions * shifts coefficients per channel and image

    `initial` [K][J] is the value of a coefficient while its hard sigmoid gives 0.5.
    Raises SettingsError on inconsistent settings.
    """

    def __init__(  # noqa: PLR0913 - a layer takes its settings one by one, as in PyTorch
        self,
        channels: int,
        groups: int,
        *,
        shifts: int = 2,
        fusions: int = 2,
        reduction: int = 8,
        initial: Sequence[Sequence[float]] | None = None,
    ) -> None:
        super().__init__()
        if fusions < 1:
            raise SettingsError(f"Dynamic Shift-Max needs at least one fusion, not {fusions}")
        if reduction < 1:
            raise SettingsError(f"Dynamic Shift-Max's reduction must be at least 1, not {reduction}")
        self.sources = shift_indices(channels, groups, shifts)
        initial = identity_coefficients(fusions, shifts) if initial is None else initial
        if len(initial) != fusions or any(len(row) != shifts for row in initial):
            raise SettingsError(
                f"initial coefficients must be {fusions} rows (fusions) of {shifts} (shifts), not {initial}"
            )
        self.channels, self.groups, self.shifts, self.fusions = channels, groups, shifts, fusions
        self.initial = tuple(tuple(float(value) for value in row) for row in initial)
        width = squeeze_width(channels, reduction)
        self.squeeze = nn.Linear(channels, width)
        self.excite = nn.Linear(width, fusions * shifts * channels)
        # Derived from the settings, so not part of a checkpoint, as in the released ones.
        self.register_buffer("shift_index", torch.tensor(self.sources), persistent=False)
        self.shift_index: Tensor

    def coefficients(self, x: Tensor) -> list[list[Tensor]]:
        """The coefficients [K][J], each [n, c, 1, 1]."""
        pooled = functional.adaptive_avg_pool2d(x, 1).flatten(1)
        gate = functional.hardsigmoid(self.excite(functional.relu(self.squeeze(pooled))))
        gate = (gate[:, :, None, None] - 0.5) * COEFFICIENT_RANGE
        planes = iter(torch.split(gate, self.channels, dim=1))
        return [[next(planes) + start for start in row] for row in self.initial]

    def coefficient_rows(self, x: Tensor) -> Tensor:
        """The same coefficients for training, [n, K, J, c]."""
        gate = functional.hardsigmoid(self.excite(functional.relu(self.squeeze(spatial_mean(x).flatten(1)))))
        rows = ((gate - 0.5) * COEFFICIENT_RANGE).view(len(x), self.fusions, self.shifts, self.channels)
        return rows + rows.new_tensor(self.initial)[:, :, None]

    def forward_shuffled(self, x: Tensor, shuffles: tuple[tuple[int, ...], ...] = ()) -> Tensor:
        """The result in training, after shuffles that are each given as the channels that they read.

        Raises RuntimeError if there are shuffles and the compiled loops cannot run.
        """
        if not can_fuse(x, self.fusions, self.shifts):
            if shuffles:
                raise RuntimeError("shuffles are only joined to what the compiled loops can run")
            return shift_max(x, self.coefficient_rows(x), self.groups)
        order = order_after(self.channels, self.sources, shuffles)
        initial = x.new_tensor(self.initial)[:, :, None]
        coefficients = Coefficients(self.squeeze, self.excite, COEFFICIENT_RANGE, initial)
        if coefficients.can_run(x):
            return fused_dynamic_shift_max(x, coefficients, order)
        rows = self.coefficient_rows(x)
        dtype = torch.promote_types(x.dtype, rows.dtype)
        return fused_shift_max(x.to(dtype), rows.to(dtype), order)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        # Where no gradient is wanted, the plain form: exporters read its operators.
        if gradient_wanted(x, *self.parameters()):
            return self.forward_shuffled(x)
        coefficients = self.coefficients(x)
        shifted = [x, *(x[:, self.shift_index[shift]] for shift in range(1, self.shifts))]
        fused: Tensor | None = None
        for row in coefficients:
            total = row[0] * shifted[0]
            for coefficient, source in zip(row[1:], shifted[1:], strict=True):
                total = total + coefficient * source
            fused = total if fused is None else torch.maximum(fused, total)
        assert fused is not None  # there is at least one fusion
        return fused

    def extra_repr(self) -> str:
        return f"channels={self.channels}, groups={self.groups}, J={self.shifts}, K={self.fusions}"
