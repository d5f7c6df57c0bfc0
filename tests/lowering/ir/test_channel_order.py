"""Orders of channels as permutations, and what they do to a shift of the channel grid."""

import itertools
from math import gcd

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micronet_edge.lowering.ir.channel_order import (
    collected,
    grouped_skew,
    inverse,
    roll_order,
    segments,
    transposed_skew,
)
from micronet_edge.models.dynamic_shift_max import shift_indices

MAKERS = (grouped_skew, transposed_skew, roll_order)

groups_and_width = st.tuples(st.integers(1, 24), st.integers(1, 24))
permutations = st.integers(1, 40).flatmap(lambda n: st.permutations(range(n))).map(np.array)


def reordered_shift(order, groups, shift):
    """Where each position reads from when the channels lie in that order."""
    source = np.array(shift_indices(len(order), groups, shift + 1)[shift])
    return inverse(order)[source[order]]


@pytest.mark.parametrize("make", MAKERS)
@given(qparams=groups_and_width)
def test_every_order_is_a_permutation(make, qparams):
    channels = qparams[0] * qparams[1]
    assert sorted(make(channels, qparams[0])) == list(range(channels))


@given(qparams=groups_and_width)
def test_grouped_skew_keeps_the_groups_together(qparams):
    groups, width = qparams
    blocks = grouped_skew(groups * width, groups).reshape(groups, width) // width
    assert (blocks == np.arange(groups)[:, None]).all()


@given(qparams=groups_and_width)
def test_transposed_skew_keeps_the_positions_of_all_groups_together(qparams):
    groups, width = qparams
    blocks = transposed_skew(groups * width, groups).reshape(width, groups) // width
    assert (np.sort(blocks) == np.arange(groups)).all()


@pytest.mark.parametrize("make", [grouped_skew, transposed_skew])
@given(qparams=groups_and_width)
def test_under_a_skew_the_shift_is_at_most_three_segments(make, qparams):
    order = make(qparams[0] * qparams[1], qparams[0])
    assert len(segments(reordered_shift(order, qparams[0], 1))) <= 3


@given(qparams=groups_and_width, shift=st.integers(1, 30))
def test_under_roll_order_every_shift_is_one_roll(qparams, shift):
    groups, width = qparams
    channels = groups * width
    index = reordered_shift(roll_order(channels, groups), groups, shift)
    assert index.tolist() == np.roll(np.arange(channels), -shift * gcd(groups, width)).tolist()
    assert len(segments(index)) <= 2


@given(permutations)
def test_inverse_undoes_an_order(order):
    assert order[inverse(order)].tolist() == inverse(order)[order].tolist() == list(range(len(order)))


@given(permutations)
def test_segments_reassemble_the_index_and_none_could_be_longer(index):
    runs = segments(index)
    assert [channel for start, stop in runs for channel in range(start, stop)] == index.tolist()
    assert all(stop != start for (_, stop), (start, _) in itertools.pairwise(runs))


@given(permutations, st.data())
def test_collected_brings_equal_ranks_together_and_keeps_their_order(order, data):
    rank = np.array(data.draw(st.lists(st.integers(0, 4), min_size=len(order), max_size=len(order))))
    result = collected(order, rank)
    assert rank[result].tolist() == sorted(rank.tolist())
    for value in set(rank.tolist()):
        assert [c for c in result if rank[c] == value] == [c for c in order if rank[c] == value]
