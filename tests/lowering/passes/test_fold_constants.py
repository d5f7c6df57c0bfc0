"""Constants of a layer's channels fold into its weights, and only those that belong to channels."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lowering.networks import assert_once_is_enough, assert_untouched, operators, rewritten, stem, traced
from torch import nn

from micronet_edge.lowering.ir.primitives import AddConstant, MultiplyConstant
from micronet_edge.lowering.passes.fold_constants import FoldConstants

FOLD = FoldConstants()


def numbers(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


@given(
    groups=st.sampled_from([1, 2]),
    bias=st.booleans(),
    kinds=st.lists(st.sampled_from([AddConstant, MultiplyConstant]), min_size=1, max_size=3),
    shape=st.sampled_from([(), (1,), (4, 1, 1), (1, 4, 1, 1)]),
)
def test_constants_behind_a_convolution_are_folded(groups, bias, kinds, shape):
    conv = nn.Conv2d(4, 4, 3, padding=1, groups=groups, bias=bias)
    constants = [kind(numbers(*shape)) for kind in kinds]
    network, applied = rewritten(FOLD, traced(stem(4), conv, *constants))
    assert operators(network) == ["Conv2d", "Conv2d"]
    assert applied.places == len(kinds)
    assert_once_is_enough(FOLD, network)


def test_a_constant_behind_a_linear_layer_is_folded():
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 6), MultiplyConstant(numbers(6))
    network, _ = rewritten(FOLD, traced(stem(4), *head))
    assert operators(network) == ["Conv2d", "AdaptiveAvgPool2d", "Flatten", "Linear"]


@pytest.mark.parametrize("shape", [(8,), (8, 1), (4, 8, 8)], ids=["columns", "rows", "pixels"])
def test_constants_of_places_stay(shape):
    assert_untouched(FOLD, traced(stem(4), MultiplyConstant(numbers(*shape))))


def test_a_layer_that_others_read_stays():
    class ReadTwice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.scale = stem(4), MultiplyConstant(numbers(4, 1, 1))

        def forward(self, x):
            y = self.conv(x)
            return y + self.scale(y)

    assert_untouched(FOLD, traced(ReadTwice()))
