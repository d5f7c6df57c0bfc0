"""When warm-up counts as steady."""

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from micronet_edge_bench.runner.steadiness import SMALLEST_WINDOW, is_steady

LEVEL = 1_000_000
LENGTHS = st.integers(2 * SMALLEST_WINDOW, 80)
ANYTHING = st.lists(st.integers(LEVEL // 2, 9 * LEVEL), max_size=40)


def near(level, percent):
    """Samples that lie so near to the level."""
    width = int(level * percent / 100)
    return st.integers(level - width, level + width)


def level_off(start, rate, count):
    return [int(LEVEL * (1 + start * rate**number)) for number in range(count)]


@given(st.lists(st.integers(1, 10**9), max_size=2 * SMALLEST_WINDOW - 1))
def test_too_few_samples_are_never_steady(samples):
    assert not is_steady(samples)


@given(st.data(), LENGTHS, ANYTHING)
def test_small_noise_is_steady_whatever_came_before(data, count, before):
    assume(len(before) <= count)
    assert is_steady(before + data.draw(st.lists(near(LEVEL, 0.4), min_size=count, max_size=count)))


@given(st.data(), LENGTHS, st.sampled_from([0.5, 0.9, 0.97, 1.03, 1.1, 2]))
def test_a_step_is_not_steady(data, count, step):
    window = max(SMALLEST_WINDOW, count // 4)
    before = data.draw(st.lists(near(LEVEL, 0.2), min_size=count - window, max_size=count - window))
    after = data.draw(st.lists(near(int(step * LEVEL), 0.2), min_size=window, max_size=window))
    assert not is_steady(before + after)


@pytest.mark.parametrize("percent_a_window", [1.2, 1.6, 1.9, 3])
@pytest.mark.parametrize("direction", [-1, 1])
@pytest.mark.parametrize("count", [10, 20, 40, 100, 200])
def test_a_slow_drift_is_not_steady(percent_a_window, direction, count):
    window = max(SMALLEST_WINDOW, count // 4)
    step = direction * percent_a_window / 100 / window
    assert not is_steady([int(LEVEL * (1 + step * number)) for number in range(count)])


@pytest.mark.parametrize("rate", [0.5, 0.8, 0.9, 0.95])
def test_a_series_that_levels_off_is_steady_when_little_is_still_to_come(rate):
    found = [is_steady(level_off(1.0, rate, count)) for count in range(1, 400)]
    assert found[-1]
    assert rate ** found.index(True) < 0.04


def test_a_noisy_machine_becomes_steady():
    for seed in range(100):
        noise = random.Random(seed)  # noqa: S311 - noise
        samples = [int(LEVEL * (noise.uniform(0.95, 1.05) + (noise.random() < 0.1))) for _ in range(200)]
        assert any(is_steady(samples[:count]) for count in range(10, 200, 5)), seed


@given(st.lists(st.integers(LEVEL // 2, 2 * LEVEL), min_size=10, max_size=60), st.sampled_from([2, 8, 64]))
def test_the_unit_of_time_does_not_matter(samples, factor):
    assert is_steady(samples) == is_steady([factor * sample for sample in samples])


@given(st.lists(near(LEVEL, 3), min_size=10, max_size=60))
def test_it_does_not_matter_how_the_first_half_went(samples):
    window = max(SMALLEST_WINDOW, len(samples) // 4)
    older = len(samples) - 2 * window
    assert is_steady(samples) == is_steady([1] * older + samples[older:])
