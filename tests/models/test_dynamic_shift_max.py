"""Dynamic Shift-Max against its formula in plain loops."""

import itertools
from dataclasses import dataclass

import pytest
import torch
from beartype import beartype
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import TypeCheckError, jaxtyped
from torch import Tensor, nn

from micronet_edge.errors import SettingsError
from micronet_edge.models import DynamicShiftMax
from micronet_edge.models.dynamic_shift_max import COEFFICIENT_RANGE, shift_indices

# Layer and reference both compute in float64; they differ in the order of summation only.
TOLERANCE = 1e-12

# Here and not by an import hook: under the tracer of torch.onnx, sizes are tensors and checks would warn.
checked_shift_max = jaxtyped(DynamicShiftMax.forward, typechecker=beartype)


def equal(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


@dataclass(frozen=True)
class ShiftMaxCase:
    layer: DynamicShiftMax
    x: Tensor


@st.composite
def shift_max_cases(draw, *, shifts=None, fusions=None):
    groups, width = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    torch.manual_seed(draw(st.integers(0, 2**16)))
    j, k = shifts or draw(st.integers(1, 4)), fusions or draw(st.integers(1, 3))
    layer = DynamicShiftMax(
        groups * width,
        groups,
        shifts=j,
        fusions=k,
        reduction=draw(st.sampled_from([1, 2, 8])),
        initial=torch.randn(k, j).tolist(),
    ).double()
    with torch.no_grad():
        layer.excite.weight *= 8  # so that some of the hard sigmoids saturate
    shape = draw(st.tuples(st.integers(1, 2), st.just(groups * width), st.integers(1, 3), st.integers(1, 3)))
    return ShiftMaxCase(layer, torch.randn(shape, dtype=torch.float64))


def slow_linear(layer: nn.Linear, values: list[float]) -> list[float]:
    rows = zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
    return [sum(w * value for w, value in zip(row, values, strict=True)) + bias for row, bias in rows]


def slow_coefficients(layer: DynamicShiftMax, image: Tensor) -> list[float]:
    """All of one image's coefficients, ordered by fusion, then shift, then channel."""
    means = [sum(itertools.chain(*plane)) / plane_size(image) for plane in image.tolist()]
    hidden = [max(0.0, value) for value in slow_linear(layer.squeeze, means)]
    gates = [min(1.0, max(0.0, value / 6 + 0.5)) for value in slow_linear(layer.excite, hidden)]
    starts = [start for row in layer.initial for start in row for _ in range(layer.channels)]
    return [start + 4 * (gate - 0.5) for start, gate in zip(starts, gates, strict=True)]


def plane_size(image: Tensor) -> int:
    return image.shape[1] * image.shape[2]


def released_source(channel: int, shift: int, channels: int, groups: int) -> int:
    """One step per shift along both axes of the channel grid, each modulo its own length."""
    width = channels // groups
    group, position = divmod(channel, width)
    return (group + shift) % groups * width + (position + shift) % width


def slow_shift_max(layer: DynamicShiftMax, x: Tensor) -> Tensor:
    y = torch.empty_like(x)
    count = layer.channels
    for n, image in enumerate(x):
        a = slow_coefficients(layer, image)
        for c, h, w in itertools.product(*map(range, image.shape)):
            sums = [
                sum(
                    a[(k * layer.shifts + j) * count + c]
                    * float(image[released_source(c, j, count, layer.groups), h, w])
                    for j in range(layer.shifts)
                )
                for k in range(layer.fusions)
            ]
            y[n, c, h, w] = max(sums)
    return y


@given(shift_max_cases())
def test_shift_max_is_its_formula(case):
    with torch.no_grad():
        equal(checked_shift_max(case.layer, case.x), slow_shift_max(case.layer, case.x))


@given(shift_max_cases())
def test_coefficients_stay_within_two_of_their_initial_values(case):
    assert COEFFICIENT_RANGE == 4.0
    with torch.no_grad():
        case.layer.excite.weight *= 100
        rows = case.layer.coefficients(case.x)
    for row, starts in zip(rows, case.layer.initial, strict=True):
        for coefficient, start in zip(row, starts, strict=True):
            assert coefficient.shape == (len(case.x), case.layer.channels, 1, 1)
            assert coefficient.min() >= start - 2 - TOLERANCE
            assert coefficient.max() <= start + 2 + TOLERANCE


@pytest.mark.parametrize(("push", "reached"), [(100.0, 3.0), (-100.0, -1.0), (0.0, 1.0)])
def test_coefficients_reach_both_ends_of_their_range(push, reached):
    layer = DynamicShiftMax(4, 2, initial=((1.0, 1.0), (1.0, 1.0)))
    nn.init.zeros_(layer.excite.weight)
    nn.init.constant_(layer.excite.bias, push)
    coefficients = layer.coefficients(torch.randn(1, 4, 2, 2))
    assert all((c == reached).all() for c in itertools.chain(*coefficients))


@given(shift_max_cases(shifts=1))
def test_one_shift_is_dynamic_relu(case):
    layer, x = case.layer, case.x
    with torch.no_grad():
        expected = torch.stack([coefficient * x for (coefficient,) in layer.coefficients(x)]).amax(dim=0)
        equal(layer(x), expected)


@given(shift_max_cases(fusions=1))
def test_one_fusion_takes_no_maximum(case):
    layer, x = case.layer, case.x
    nn.init.zeros_(layer.excite.weight)
    other = torch.randn_like(x)
    with torch.no_grad():
        equal(layer(x + other) - layer(torch.zeros_like(x)), layer(x) + layer(other))


def test_two_fusions_take_the_maximum():
    layer = silent(DynamicShiftMax(2, 1, shifts=1, initial=((1.0,), (0.0,))))
    x = torch.tensor([-1.0, 2.0]).reshape(1, 2, 1, 1)
    assert layer(x).flatten().tolist() == [0.0, 2.0]


def silent(layer: DynamicShiftMax) -> DynamicShiftMax:
    nn.init.zeros_(layer.excite.weight)
    nn.init.zeros_(layer.excite.bias)
    return layer


@given(shift_max_cases())
def test_a_silent_branch_passes_the_input_through_by_default(case):
    given_layer = case.layer
    layer = silent(
        DynamicShiftMax(
            given_layer.channels,
            given_layer.groups,
            shifts=given_layer.shifts,
            fusions=given_layer.fusions,
        ).double()
    )
    assert torch.equal(layer(case.x), case.x)


def test_the_shift_is_that_of_the_released_networks():
    assert shift_indices(8, 2, 3) == (
        (0, 1, 2, 3, 4, 5, 6, 7),
        (5, 6, 7, 4, 1, 2, 3, 0),
        (2, 3, 0, 1, 6, 7, 4, 5),
    )
    whole_groups = (4, 5, 6, 7, 0, 1, 2, 3)  # equation 6 as printed
    assert shift_indices(8, 2, 2)[1] != whole_groups


@given(groups=st.integers(1, 6), width=st.integers(1, 6), shifts=st.integers(1, 8))
def test_every_shift_is_a_step_along_both_axes(groups, width, shifts):
    channels = groups * width
    for shift, sources in enumerate(shift_indices(channels, groups, shifts)):
        assert sorted(sources) == list(range(channels))
        assert sources == tuple(released_source(c, shift, channels, groups) for c in range(channels))


def test_the_shift_is_no_part_of_a_checkpoint():
    assert list(DynamicShiftMax(8, 2).state_dict()) == [
        "squeeze.weight",
        "squeeze.bias",
        "excite.weight",
        "excite.bias",
    ]


def test_shift_max_refuses_what_is_no_feature_map():
    with pytest.raises(TypeCheckError):
        checked_shift_max(DynamicShiftMax(8, 2), torch.zeros(8, 2, 2))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"groups": 3}, "8 channels cannot be split into 3 groups"),
        ({"groups": 0}, "8 channels cannot be split into 0 groups"),
        ({"groups": -2}, "8 channels cannot be split into -2 groups"),
        ({"channels": 0}, "0 channels cannot be split into 2 groups"),
        ({"channels": -8}, "-8 channels cannot be split into 2 groups"),
        ({"fusions": 0}, "at least one fusion, not 0"),
        ({"shifts": 0}, "at least one shifted input, not 0"),
        ({"shifts": -1}, "at least one shifted input, not -1"),
        ({"reduction": 0}, "reduction must be at least 1, not 0"),
        ({"reduction": -4}, "reduction must be at least 1, not -4"),
        ({"initial": ((1.0, 0.0),)}, "must be 2 rows (fusions) of 2 (shifts)"),
        ({"initial": ((1.0,), (0.0,))}, "must be 2 rows (fusions) of 2 (shifts)"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit_are_refused(refusal, settings, message):
    assert message in refusal(SettingsError, DynamicShiftMax, **{"channels": 8, "groups": 2, **settings})
