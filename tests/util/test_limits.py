"""Numbers that nobody could want are refused at once, and the reason is said."""

import math

import pytest

from micronet_edge.errors import SettingsError
from micronet_edge.util import limits
from micronet_edge.util.limits import Limit

ALL = [each for each in vars(limits).values() if isinstance(each, Limit)]


@pytest.mark.parametrize("limit", ALL, ids=lambda limit: limit.name)
@pytest.mark.parametrize("value", [-1, 10**21, 10**400, math.nan, math.inf, -math.inf, True, "1", None])
def test_a_number_out_of_range_is_refused_with_the_reason(refusal, limit, value):
    error_line = refusal(SettingsError, limit.check, value)
    assert error_line.startswith(f"{limit.name} ")
    assert error_line.endswith(f"since {limit.why}")
    assert len(error_line) < 200


@pytest.mark.parametrize("limit", ALL, ids=lambda limit: limit.name)
def test_the_ends_are_allowed_and_what_lies_beyond_is_not(refusal, limit):
    limit.check(limit.least)
    limit.check(limit.most)
    for value in (limit.least - 1, limit.most + 1):
        assert refusal(SettingsError, limit.check, value)


def test_a_whole_number_is_whole(refusal):
    assert "give a whole number" in refusal(SettingsError, limits.BATCH.check, 32.0)
    limits.MAX_DROP.check(0.5)
