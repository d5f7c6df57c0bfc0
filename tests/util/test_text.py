"""Numbers in texts: one of a thing is one, and nothing is minus nothing."""

import re
from pathlib import Path

import pytest

from micronet_edge.util.statistics import wilson_interval
from micronet_edge.util.text import plural

ROOTS = [Path(__file__).parents[2] / root for root in ("src", "exporters", "benchmarks")]


@pytest.mark.parametrize(
    ("count", "words", "expected"),
    [
        (0, ("layer",), "0 layers"),
        (1, ("layer",), "1 layer"),
        (2, ("process", "processes"), "2 processes"),
        (1, ("layer is", "layers are"), "1 layer is"),
        (1234, ("image",), "1,234 images"),
    ],
)
def test_one_is_no_plural(count, words, expected):
    assert plural(count, *words) == expected


def sources():
    return [path for root in ROOTS for path in root.rglob("*.py") if "runner" not in path.parts]


def test_whoever_shows_a_sign_shows_none_of_zero():
    assert f"{-0.001:+z.2f}" == "+0.00"
    assert [path.name for path in sources() if re.search(r":\+\.\d", path.read_text())] == []


@pytest.mark.parametrize("count", range(1, 60))
def test_an_interval_of_shares_stays_between_none_and_all(count):
    for correct in range(count + 1):
        low, high = wilson_interval(correct, count)
        assert 0 <= low <= correct / count + 1e-12
        assert correct / count - 1e-12 <= high <= 1
    assert f"{wilson_interval(0, count)[0]:.2%}" == "0.00%"
