"""Added convolutions of one tensor become one where a kernel covers the other."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lowering.networks import (
    assert_once_is_enough,
    assert_untouched,
    layer,
    operators,
    rewritten,
    stem,
    traced,
)
from torch import nn

from micronet_edge.lowering.ir.primitives import AddConstant, MultiplyConstant
from micronet_edge.lowering.passes.merge_branches import MergeBranches

MERGE = MergeBranches()


class Branches(nn.Module):
    """The sum of what branches make of one tensor."""

    def __init__(self, *branches, gives_first=False):
        super().__init__()
        self.stem, self.branches, self.gives_first = stem(4), nn.ModuleList(branches), gives_first

    def forward(self, x):
        x = self.stem(x)
        found = [branch(x) for branch in self.branches]
        total = found[0]
        for each in found[1:]:
            total = total + each
        return (total, found[0]) if self.gives_first else total


def norm():
    values = torch.randn(2, 4, 1, 1, generator=torch.Generator().manual_seed(5))
    return nn.Sequential(MultiplyConstant(values[0]), AddConstant(values[1]))


@given(
    groups=st.sampled_from([1, 2, 4]),
    stride=st.integers(1, 2),
    kernels=st.lists(st.sampled_from([1, 3, 5]), min_size=2, max_size=4),
    bias=st.booleans(),
)
def test_convolutions_around_the_same_pixel_become_one(groups, stride, kernels, bias):
    convs = [nn.Conv2d(4, 8, size, stride, size // 2, groups=groups, bias=bias) for size in kernels]
    network, applied = rewritten(MERGE, traced(Branches(*convs)))
    assert operators(network) == ["Conv2d", "Conv2d"]
    assert applied.places == len(kernels) - 1
    assert layer(network, nn.Conv2d, 1).kernel_size == (max(kernels), max(kernels))
    assert_once_is_enough(MERGE, network)


@given(groups=st.sampled_from([1, 2, 4]), size=st.sampled_from([1, 3]), norm_first=st.booleans())
def test_a_norm_of_the_same_tensor_is_a_kernel_of_one_pixel(groups, size, norm_first):
    branches = [norm(), nn.Conv2d(4, 4, size, padding=size // 2, groups=groups)]
    network, _ = rewritten(MERGE, traced(Branches(*branches[:: 1 if norm_first else -1])))
    assert operators(network) == ["Conv2d", "Conv2d"]


def test_a_dilated_kernel_covers_its_middle():
    network, _ = rewritten(
        MERGE, traced(Branches(nn.Conv2d(4, 8, 3, padding=2, dilation=2), nn.Conv2d(4, 8, 1)))
    )
    assert operators(network) == ["Conv2d", "Conv2d"]


APART = {
    "other groups": (nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1, groups=2)),
    "other places": (nn.Conv2d(4, 4, 3, padding=2, dilation=2), nn.Conv2d(4, 4, 3, padding=1)),
    "no convolution": (nn.ReLU(), nn.Conv2d(4, 4, 1)),
    "the tensor itself": (nn.Identity(), nn.Conv2d(4, 4, 1)),
    "mirrored border": (nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), nn.Conv2d(4, 4, 1)),
}


@pytest.mark.parametrize("case", APART)
def test_others_stay(case):
    assert_untouched(MERGE, traced(Branches(*APART[case])))


def test_a_branch_that_is_an_output_stays():
    assert_untouched(MERGE, traced(Branches(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1), gives_first=True)))
