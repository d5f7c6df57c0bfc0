"""Narrow mirrored borders become slices side by side; wide ones and constant ones stay."""

import pytest
from lowering.networks import assert_once_is_enough, assert_untouched, operators, rewritten, stem, traced
from torch import nn

from micronet_edge.lowering.ir.primitives import Pad
from micronet_edge_tflite.passes.join_mirrors import JoinMirrors

JOIN = JoinMirrors()


def mirrored(*sides):
    return Pad(((0, 0), (0, 0), *sides), None)


@pytest.mark.parametrize("rows", [(0, 0), (1, 1), (2, 1)])
@pytest.mark.parametrize("columns", [(1, 0), (0, 2)])
def test_narrow_borders_are_joined(rows, columns):
    network, applied = rewritten(JOIN, traced(stem(4), mirrored(rows, columns), nn.Conv2d(4, 2, 3)))
    assert applied.places == 1
    sides = [side for side in (rows, columns) if any(side)]
    joined = [name for side in sides for name in (*["Slice"] * sum(side), "Concatenate")]
    assert operators(network) == ["Conv2d", *joined, "Conv2d"]
    assert_once_is_enough(JOIN, network)


@pytest.mark.parametrize("pad", [mirrored((3, 3), (1, 1)), Pad(((0, 0), (0, 0), (1, 1), (1, 1)), 0.0)])
def test_others_stay(pad):
    assert_untouched(JOIN, traced(stem(4), pad, nn.Conv2d(4, 2, 3)))
