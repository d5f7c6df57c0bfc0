"""Integers and the real numbers they stand for."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from micronet_edge.quantization.qparams import (
    SMALLEST_SPAN,
    WEIGHT_LIMIT,
    QuantParams,
    activation_qparams,
    symmetric_qparams,
    weight_scales,
)

numbers = st.floats(-1e4, 1e4, width=32)
# A step is kept as float32.
FLOAT32 = 1e-6


@st.composite
def ranges(draw):
    low, high = sorted((draw(numbers), draw(numbers)))
    assume(high - low > SMALLEST_SPAN)
    return low, high


@given(span=ranges(), bits=st.sampled_from([8, 16]))
def test_an_integer_stands_for_zero(span, bits):
    qparams = activation_qparams(*span, bits)
    assert qparams.lowest <= qparams.zero_point <= qparams.highest
    assert qparams.integers([0.0]) == qparams.zero_point
    assert qparams.low <= 0 <= qparams.high


@given(span=ranges(), bits=st.sampled_from([8, 16]))
def test_the_ends_of_the_range_are_reached_within_half_a_step(span, bits):
    qparams = activation_qparams(*span, bits)
    slack = qparams.scale * 0.5 + FLOAT32 * (qparams.high - qparams.low)
    assert qparams.low <= min(span[0], 0) + slack
    assert qparams.high >= max(span[1], 0) - slack


@given(span=ranges())
def test_8_bits_spend_no_step_outside_the_range(span):
    qparams = activation_qparams(*span, 8)
    low, high = min(span[0], 0), max(span[1], 0)
    assert qparams.high - qparams.low == pytest.approx(high - low)


@given(span=ranges())
def test_16_bits_are_symmetric(span):
    qparams = activation_qparams(*span, 16)
    assert (qparams.zero_point, qparams.bits) == (0, 16)
    assert qparams.high == pytest.approx(max(abs(span[0]), abs(span[1])))
    assert qparams == symmetric_qparams(*span, 16)


@given(span=ranges(), bits=st.sampled_from([8, 16]))
def test_a_symmetric_range_reaches_the_farther_end(span, bits):
    qparams = symmetric_qparams(*span, bits)
    assert qparams.zero_point == 0
    assert qparams.high == pytest.approx(max(abs(span[0]), abs(span[1])))


@given(span=ranges(), values=st.lists(numbers, min_size=1), bits=st.sampled_from([8, 16]))
def test_values_become_the_nearest_integers_and_saturate(span, values, bits):
    qparams = activation_qparams(*span, bits)
    integers = qparams.integers(np.array(values, np.float32))
    assert integers.dtype == np.int32
    assert ((integers >= qparams.lowest) & (integers <= qparams.highest)).all()
    meant = qparams.scale * (integers - qparams.zero_point)
    reachable = np.clip(np.array(values, np.float32), qparams.low, qparams.high)
    assert (np.abs(meant - reachable) <= qparams.scale * (0.5 + FLOAT32)).all()


def test_half_a_step_rounds_to_even():
    qparams = QuantParams(1.0, 0, 8)
    assert qparams.integers([-1.5, -0.5, 0.5, 1.5, 2.5, 200.0, -200.0]).tolist() == [
        -2,
        0,
        0,
        2,
        2,
        127,
        -128,
    ]
    assert QuantParams(0.5, 3, 8).integers([0.0, 0.25, 1.0]).tolist() == [3, 3, 5]


@pytest.mark.parametrize(
    ("low", "high", "zero_point"),
    [(0.0, 6.0, -128), (-6.0, 0.0, 127), (1.0, 6.0, -128), (-6.0, -1.0, 127), (-3.0, 3.0, 0)],
)
def test_the_zero_point_of_one_sided_ranges(low, high, zero_point):
    qparams = activation_qparams(low, high, 8)
    assert qparams.zero_point in (zero_point, zero_point - 1)  # of two as near, either
    assert (qparams.low == 0) == (low >= 0)
    assert (qparams.high == 0) == (high <= 0)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("value", [0.0, 1e-12, -1e-12, 3.0, -3.0])
def test_a_range_of_one_number_has_a_step(bits, value):
    qparams = activation_qparams(value, value, bits)
    assert qparams.scale > 0
    assert qparams.integers([0.0]) == qparams.zero_point
    (found,) = qparams.scale * (qparams.integers([value]) - qparams.zero_point)
    assert found == pytest.approx(value, abs=qparams.scale)


@given(channels=st.integers(1, 5), seed=st.integers(0, 99), size=st.floats(1e-3, 1e3))
def test_each_output_channel_has_a_step_of_its_own(channels, seed, size):
    weight = (size * np.random.default_rng(seed).normal(size=(channels, 3, 2, 2))).astype(np.float32)
    scales = weight_scales(weight)
    assert (scales.shape, scales.dtype) == ((channels,), np.float32)
    steps = np.abs(weight / scales.reshape(-1, 1, 1, 1)).reshape(channels, -1).max(axis=1)
    assert steps == pytest.approx(WEIGHT_LIMIT)


def test_a_dead_channel_has_a_step():
    assert (weight_scales(np.zeros((2, 3), np.float32)) > 0).all()
