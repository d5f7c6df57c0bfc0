"""Times in whole units, of which half a unit must not get lost."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micronet_edge_bench.runner.runtimes.grouped_times import CUT_OFF, DIFFERENCE, grouped_median

TIMES = st.lists(st.floats(0, 50), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("counts", "lower", "median"),
    [
        ([3], CUT_OFF, 3.5),
        ([0, 0, 0, 0], CUT_OFF, 0.5),
        ([2, 2, 3, 3], CUT_OFF, 3.0),
        ([2, 3, 3, 3], CUT_OFF, 3 + 1 / 3),
        ([2, 2, 3, 3], DIFFERENCE, 2.5),
        ([7, 7, 7, 900], DIFFERENCE, 6.5 + 2 / 3),
    ],
)
def test_the_median_lies_in_its_class_by_the_share_below_it(counts, lower, median):
    assert grouped_median(counts, lower) == pytest.approx(median)


@given(TIMES)
def test_cut_off_times_give_their_median_back_within_one_unit(times):
    found = grouped_median([math.floor(time) for time in times], CUT_OFF)
    assert statistics.median_low(times) - 1 <= found <= statistics.median_high(times) + 1


def test_evenly_spread_times_give_their_median_back():
    times = [1.3 + step / 100 for step in range(401)]
    found = grouped_median([math.floor(time) for time in times], CUT_OFF)
    assert found == pytest.approx(statistics.median(times), abs=0.02)
    assert statistics.median(math.floor(time) for time in times) < statistics.median(times) - 0.2


def test_readings_that_are_both_cut_off_give_the_difference_back():
    # Starts at every hundredth of a unit, each time 2.37 units long.
    counts = [math.floor(start / 100 + 2.37) - math.floor(start / 100) for start in range(1000)]
    assert set(counts) == {2, 3}
    assert grouped_median(counts, DIFFERENCE) == pytest.approx(2.37, abs=0.1)
