"""Intervals are the published ones, and hold the truth as often as they say."""

import numpy as np
import pytest

from micronet_edge.util.statistics import paired_difference, wilson_interval


@pytest.mark.parametrize(
    ("correct", "count", "expected"),
    [(0, 10, (0.0, 0.2775)), (81, 263, (0.2553, 0.3662)), (10, 10, (0.7225, 1))],
)
def test_wilson_interval_is_the_published_one(correct, count, expected):
    assert wilson_interval(correct, count) == pytest.approx(expected, abs=5e-5)


def answers(both, only_ours, only_theirs, neither):
    counts = (both, only_ours, only_theirs, neither)
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


# Newcombe 1998, Statistics in Medicine 17, table III; Altman and others 2000, Statistics with
# Confidence, chapter 6; Fagerland, Lydersen and Laake 2017, Statistical Analysis of Contingency
# Tables, chapter 8.
@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ((36, 12, 2, 0), (20.0, 5.69, 34.04)),
        ((14, 5, 0, 22), (12.2, 1.1, 22.6)),
        ((1, 1, 7, 12), (-28.6, -50.7, -2.6)),
        ((59, 6, 16, 80), (-6.21, -11.86, -0.46)),
    ],
    ids=str,
)
def test_the_paired_difference_is_the_published_one(table, expected):
    found = paired_difference(*answers(*table))
    assert (found.points, found.low, found.high) == pytest.approx(expected, abs=0.06)


@pytest.mark.parametrize("table", [(390, 0, 0, 7), (397, 0, 0, 0), (0, 0, 0, 397)], ids=str)
def test_two_that_never_differ_may_still_differ_a_little(table):
    found = paired_difference(*answers(*table))
    assert found.points == 0
    assert 0.9 < found.high < 1.1
    assert found.low == pytest.approx(-found.high)


def test_the_other_way_round_is_the_negative():
    ours, theirs = answers(300, 20, 10, 70)
    there, back = paired_difference(ours, theirs), paired_difference(theirs, ours)
    assert (there.points, there.low, there.high) == pytest.approx((-back.points, -back.high, -back.low))


def test_what_both_see_alike_narrows_the_interval():
    rng = np.random.default_rng(0)
    ours, theirs = answers(300, 20, 10, 70)
    alike, shuffled = paired_difference(ours, theirs), paired_difference(ours, rng.permutation(theirs))
    assert alike.points == pytest.approx(shuffled.points)
    assert alike.high - alike.low < 0.6 * (shuffled.high - shuffled.low)


@pytest.mark.parametrize(
    ("images", "shares"), [(397, (0.95, 0.01, 0.005)), (100, (0.8, 0.05, 0.05)), (1000, (0.7, 0.04, 0.02))]
)
def test_the_interval_holds_the_truth_as_often_as_it_says(images, shares):
    truth = 100 * (shares[1] - shares[2])
    tables = np.random.default_rng(0).multinomial(images, [*shares, 1 - sum(shares)], size=1000)
    intervals = [paired_difference(*answers(*table)) for table in tables]
    held = sum(each.low <= truth <= each.high for each in intervals)
    # 95 % and no less than three standard deviations of 1,000 draws below.
    assert held > 930
