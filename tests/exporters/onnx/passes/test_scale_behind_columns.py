"""A factor for each channel of an image moves into the convolution behind its columns."""

import pytest
import torch
from lowering.networks import assert_once_is_enough, assert_untouched, operators, rewritten, traced
from torch import nn

from micronet_edge.lowering.ir.primitives import MultiplyConstant
from micronet_edge_onnx.passes.merge_with_padding_columns import MergeWithPaddingColumns
from micronet_edge_onnx.passes.scale_behind_columns import ScaleBehindColumns

BEHIND = ScaleBehindColumns()
FACTORS = torch.tensor([0.5, 4.0, -2.0]).view(1, 3, 1, 1)


def scaled(factors, stride=2):
    """An image that is scaled, and columns beside it, as many as the stride leaves to read."""
    vertical = nn.Conv2d(3, 2, (3, 1), (2, 1), (1, 0))
    horizontal = nn.Conv2d(2, 4, (1, 3), (1, stride), (0, 1), groups=2)
    network = traced(MultiplyConstant(factors), vertical, horizontal)
    return rewritten(MergeWithPaddingColumns(), network)[0]


@pytest.mark.parametrize("stride", [1, 2])
def test_weights_and_columns_take_it_in(stride):
    network = scaled(FACTORS, stride)
    assert operators(network) == ["MultiplyConstant", "BesideColumns", "Conv2d"]
    network, applied = rewritten(BEHIND, network)
    assert applied.places == 1
    assert operators(network) == ["BesideColumns", "Conv2d"]
    assert_once_is_enough(BEHIND, network)


def test_factors_that_columns_cannot_be_divided_by_stay():
    assert_untouched(BEHIND, scaled(FACTORS * torch.tensor([1, 0, 1]).view(1, 3, 1, 1)))
    assert_untouched(BEHIND, scaled(torch.linspace(1, 2, 8)))


def test_it_stays_without_columns():
    assert_untouched(BEHIND, traced(MultiplyConstant(FACTORS), nn.Conv2d(3, 4, 3)))
