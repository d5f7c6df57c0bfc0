"""Means by AVERAGE_POOL_2D, and Dynamic Shift-Max by depthwise convolutions with computed weights."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lowering.networks import (
    NO_COPIES,
    assert_once_is_enough,
    assert_untouched,
    operators,
    rewritten,
    shift_max,
    stem,
    traced,
)
from torch import nn

from micronet_edge.lowering.ir.composite import regions
from micronet_edge.lowering.passes.decompose import Decompose
from micronet_edge.lowering.passes.freeze_shift_max import FreezeShiftMax
from micronet_edge_tflite.passes.pool_by_average import PoolByAverage
from micronet_edge_tflite.passes.sum_shifts_by_depthwise import SumShiftsByDepthwise

PASSES = [PoolByAverage(), SumShiftsByDepthwise()]


def decomposed(*layers):
    frozen, _ = rewritten(FreezeShiftMax(), traced(*layers))
    network, _ = rewritten(Decompose(NO_COPIES), frozen)
    return network


def test_a_mean_is_pooled():
    network, applied = rewritten(PoolByAverage(), traced(stem(4), nn.AdaptiveAvgPool2d(1)))
    assert applied.places == 1
    assert operators(network) == ["Conv2d", "AveragePool"]
    assert_once_is_enough(PoolByAverage(), network)


@settings(max_examples=25)
@given(groups=st.integers(1, 4), width=st.integers(1, 3), shifts=st.integers(1, 3), fusions=st.integers(1, 2))
def test_any_shift_max(groups, width, shifts, fusions):
    channels = 2 * groups * width
    before = decomposed(stem(channels), shift_max(channels, groups, shifts, fusions))
    network, applied = rewritten(SumShiftsByDepthwise(), before)
    assert applied.places == 1
    found = Counter(operators(network))
    assert found["ShiftedSum"] == found["CoefficientRows"] == fusions
    assert found["Maximum"] == fusions - 1
    assert found["GatheredReorder"] <= shifts - 1
    assert not {"Multiply", "Add", "Concatenate"} & set(found)
    assert [region.composite.fusions for region in regions(network)] == [fusions]
    assert_once_is_enough(SumShiftsByDepthwise(), network)


@pytest.mark.parametrize("pass_", PASSES, ids=lambda each: each.name)
def test_another_network_stays(pass_):
    assert_untouched(pass_, traced(stem(4), nn.ReLU()))
