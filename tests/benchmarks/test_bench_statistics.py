"""Figures of samples, and intervals that hold the truth as often as they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micronet_edge_bench.statistics import latency, ratio_apart, ratio_in_turn

SAMPLES = st.lists(st.integers(100, 10_000), min_size=9, max_size=9)
PROCESSES = st.lists(SAMPLES, min_size=1, max_size=4)


def test_the_figures_of_known_samples():
    found = latency([list(range(1, 51)), list(range(51, 102))])
    assert (found.median_ns, found.mean_ns, found.p90_ns, found.p99_ns) == (51, 51, 91, 100)
    assert (found.min_ns, found.low_ns, found.high_ns, found.count) == (1, 26, 76, 101)
    assert found.process_medians_ns == (25.5, 76)
    assert found.spread == pytest.approx(50 / 51)
    assert found.disagreement == pytest.approx(76 / 25.5 - 1)


def test_the_ratio_is_within_each_process():
    # The second process is twice as slow for both, the third throttles halfway: the ratio does not see it.
    baseline = [[30, 30, 90, 30], [60, 60, 60, 60], [30, 30, 300, 300]]
    ours = [[10, 10, 10, 10], [20, 20, 20, 20], [10, 10, 100, 100]]
    found = ratio_in_turn(baseline, ours)
    assert found.value == 3
    assert (found.low, found.high) == (3, 3)


@settings(max_examples=30)
@given(PROCESSES)
def test_a_file_is_as_fast_as_itself(processes):
    found = ratio_in_turn(processes, processes)
    assert (found.low, found.value, found.high) == (1, 1, 1)
    apart = ratio_apart(processes, processes)
    assert apart.value == 1
    assert apart.low <= 1 <= apart.high


@settings(max_examples=30)
@given(PROCESSES, st.integers(2, 50), st.sampled_from([ratio_in_turn, ratio_apart]))
def test_a_slower_clock_changes_no_ratio_and_a_slower_file_its_own(processes, factor, ratio):
    slower = [[factor * sample for sample in samples] for samples in processes]
    reversed_ = [samples[::-1] for samples in processes]
    before, scaled, less = (
        ratio(reversed_, processes),
        ratio([[factor * sample for sample in samples] for samples in reversed_], slower),
        ratio(reversed_, slower),
    )
    assert (scaled.value, scaled.low, scaled.high) == pytest.approx((before.value, before.low, before.high))
    expected = [figure / factor for figure in (before.value, before.low, before.high)]
    assert (less.value, less.low, less.high) == pytest.approx(expected)


@settings(max_examples=30)
@given(PROCESSES, st.randoms(use_true_random=False))
def test_the_same_samples_give_the_same_interval_around_the_ratio(processes, random):
    other = [random.sample(samples, len(samples)) for samples in processes]
    other = [[sample + 7 * number for sample in samples] for number, samples in enumerate(other)]
    found = ratio_in_turn(processes, other)
    assert found == ratio_in_turn(processes, other)
    assert found.low <= found.value <= found.high


def measured(random, processes, rounds, layout, drift):
    """Two files, the first twice as slow: each process shifts each file, and both drift together."""
    baseline, ours = [], []
    for _ in range(processes):
        shifts = np.exp(random.normal(0, layout, 2))
        steps = random.normal(0, drift, rounds)
        machine = np.zeros(rounds)
        for number in range(1, rounds):
            machine[number] = 0.9 * machine[number - 1] + steps[number]
        for samples, nanoseconds, shift in zip((baseline, ours), (2e6, 1e6), shifts, strict=True):
            noise = random.exponential(0.02, rounds)
            samples.append((nanoseconds * shift * np.exp(machine + noise)).astype(int).tolist())
    return baseline, ours


# 95 %, less what 200 draws and only so few processes leave to chance.
@pytest.mark.parametrize(("layout", "drift"), [(0.03, 0.02), (0.03, 0.0), (0.0, 0.02)])
def test_the_interval_holds_the_truth_as_often_as_it_says(layout, drift):
    random = np.random.default_rng(1)
    held = {ratio_in_turn: 0, ratio_apart: 0}
    for _ in range(200):
        baseline, ours = measured(random, 5, 40, layout, drift)
        for ratio in held:
            found = ratio(baseline, ours)
            held[ratio] += found.low <= 2 <= found.high
    assert held[ratio_in_turn] >= 0.9 * 200
    assert held[ratio_apart] >= 0.9 * 200


def test_what_slows_both_widens_the_interval_of_files_measured_apart_only():
    baseline, ours = measured(np.random.default_rng(2), 5, 100, 0, 0.05)
    in_turn, apart = ratio_in_turn(baseline, ours), ratio_apart(baseline, ours)
    assert in_turn.high - in_turn.low < 0.5 * (apart.high - apart.low)


def test_neighbours_that_are_alike_promise_less():
    # One process that slows down, and the same samples in another order, as if they were noise.
    slowing = list(range(1000, 1200))
    shuffled = np.random.default_rng(3).permutation(slowing).tolist()
    found, promised = (ratio_in_turn([[1000] * 200], [samples]) for samples in (slowing, shuffled))
    assert found.high - found.low > 1.5 * (promised.high - promised.low)
