"""A factor for each channel of an image moves into the convolution behind its columns."""

import pytest
import torch
from lowering.networks import assert_once_is_enough, assert_untouched, operators, rewritten, traced
from torch import nn

from micronet_edge.lowering.ir.primitives import MultiplyConstant
from micronet_edge_onnx.passes.merge_with_padding_columns import BesideColumns
from micronet_edge_onnx.passes.scale_behind_columns import ScaleBehindColumns

BEHIND = ScaleBehindColumns()
FACTORS = torch.tensor([0.5, 4.0, -2.0]).view(1, 3, 1, 1)


def columns(right=1):
    return BesideColumns(torch.linspace(-1, 1, 24).view(1, 3, 8, 1), torch.ones(1, 3, 8, right))


@pytest.mark.parametrize("right", [0, 2])
@pytest.mark.parametrize("bias", [False, True])
def test_weights_and_columns_take_it_in(right, bias):
    layers = MultiplyConstant(FACTORS), columns(right), nn.Conv2d(3, 4, 3, bias=bias)
    network, applied = rewritten(BEHIND, traced(*layers))
    assert applied.places == 1
    assert operators(network) == ["BesideColumns", "Conv2d"]
    assert_once_is_enough(BEHIND, network)


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param((MultiplyConstant(FACTORS), nn.Conv2d(3, 4, 3)), id="no columns"),
        pytest.param((MultiplyConstant(FACTORS * 0), columns(), nn.Conv2d(3, 4, 3)), id="zeros"),
        pytest.param((MultiplyConstant(torch.ones(8)), columns(), nn.Conv2d(3, 4, 3)), id="by column"),
        pytest.param((MultiplyConstant(FACTORS), columns(), nn.Conv2d(3, 3, 3, groups=3)), id="groups"),
        pytest.param((columns(), nn.Conv2d(3, 4, 3)), id="no factor"),
    ],
)
def test_it_stays_where_it_does_not_fit(layers):
    assert_untouched(BEHIND, traced(*layers))
