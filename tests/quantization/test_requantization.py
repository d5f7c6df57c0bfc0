"""One multiplication, rounded once and half up: Python's integers and fractions say what is right."""

from fractions import Fraction
from math import floor

import numpy as np
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from micronet_edge.quantization.integer_arithmetic import rounded
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge.quantization.requantization import (
    MULTIPLIER_LIMIT,
    NEAR_TIE,
    NEAR_TIE_OF_16_BITS,
    Requantization,
    requantization,
    requantized_sums,
)

LOWEST, HIGHEST = -(2**31), 2**31 - 1
LARGEST = 2.0**20
sums = st.integers(LOWEST, HIGHEST) | st.integers(-(2**16), 2**16)
factors = st.floats(0, LARGEST) | st.floats(0, 1) | st.floats(1e-12, 1e-3)
scales = st.floats(1e-5, 100.0)
ends = st.tuples(st.integers(-128, 127), st.integers(-128, 127)).map(sorted)


def by_definition(total, multiplier, constants):
    shifted = min(max(total << constants.shift, LOWEST), HIGHEST)
    found = ((shifted * multiplier + 2**30) >> 31) + constants.zero_point
    return min(max(found, constants.low), constants.high)


def computed(totals, constants, scale=0.0173, bits=8):
    """What a simulation gives: requantized, rounded to the result's quantization parameters, clipped."""
    column = torch.tensor(totals, dtype=torch.float64).view(-1, 1, 1, 1)
    near_tie = NEAR_TIE if bits == 8 else NEAR_TIE_OF_16_BITS
    numbers = requantized_sums(column, constants, near_tie=near_tie) * scale
    levels = rounded(numbers, QuantParams(scale, constants.zero_point, bits)) / scale + constants.zero_point
    integers = levels.double().round().clamp(constants.low, constants.high).flatten()
    return [int(each) for each in integers.tolist()]


@given(st.lists(sums, min_size=1, max_size=20), factors, st.integers(-128, 127), ends)
@example([HIGHEST, LOWEST, 0, 1, -1], 0.5, 0, [-128, 127])
@example([1, -1, 3, -3, 5, -5], float(np.nextafter(0.5, 0)), 3, [-128, 127])
@example([1, -1, 3, -3], 0.25 + 2.0**-31, -128, [-128, 127])
@example([HIGHEST, LOWEST], 2.0**-31, 0, [-128, 127])
@example([2**30, -(2**30), 100], LARGEST, 0, [-128, 127])
def test_the_simulation_gives_the_integers_of_the_definition(totals, factor, zero_point, limits):
    constants = requantization([factor], zero_point, *limits)
    expected = [by_definition(total, int(constants.multipliers[0]), constants) for total in totals]
    assert computed(totals, constants) == expected


@given(st.integers(0, MULTIPLIER_LIMIT - 1), st.integers(-127, 126), st.integers(-2, 2))
def test_ties_and_their_neighbours(multiplier, level, off):
    """Sums whose product is nearest to a tie; float32 must not carry them across."""
    constants = Requantization(np.array([multiplier], np.int32), 0, 0, -128, 127)
    total = floor(Fraction((2 * level + 1) * 2**30, max(multiplier, 1))) + off
    total = min(max(total, LOWEST), HIGHEST)
    assert computed([total], constants) == [by_definition(total, multiplier, constants)]


@given(st.integers(0, MULTIPLIER_LIMIT - 1), st.integers(-32767, 32766), st.integers(-2, 2), scales)
def test_ties_of_16_bits_and_their_neighbours(multiplier, level, off, scale):
    constants = Requantization(np.array([multiplier], np.int32), 0, 0, -32768, 32767)
    total = floor(Fraction((2 * level + 1) * 2**30, max(multiplier, 1))) + off
    total = min(max(total, LOWEST), HIGHEST)
    assert computed([total], constants, scale, 16) == [by_definition(total, multiplier, constants)]


@given(st.lists(factors, min_size=1, max_size=8))
def test_the_multiplier_is_the_nearest_with_the_smallest_shift(given_factors):
    constants = requantization(given_factors, 0, -128, 127)
    assert constants.multipliers.min() >= 0
    assert constants.multipliers.max() < MULTIPLIER_LIMIT
    unit = Fraction(2**31, 2**constants.shift)
    for factor, multiplier in zip(given_factors, constants.multipliers.tolist(), strict=True):
        assert abs(Fraction(factor) * unit - multiplier) <= Fraction(1, 2)
    if constants.shift:
        assert round(Fraction(max(given_factors)) * unit * 2) >= MULTIPLIER_LIMIT


def test_half_a_step_below_zero_is_rounded_up():
    """Round half up is not round half away from zero, nor half to even."""
    constants = requantization([0.25], 0, -128, 127)
    assert computed([2, -2, 6, -6, 10, -10], constants) == [1, 0, 2, -1, 3, -2]


def test_each_output_has_its_own_multiplier_and_bias():
    constants = requantization([0.25, 0.125], 0, -128, 127)
    found = requantized_sums(torch.full((3, 2, 1, 1), 16.0), constants, np.array([0, 8], np.int32))
    assert found.flatten(1).tolist() == [[4.0, 3.0]] * 3
