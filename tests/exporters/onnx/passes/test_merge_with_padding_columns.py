"""A dense K x 1 and a 1 x K become one K x K behind columns of pixels that make its borders right."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lowering.networks import assert_once_is_enough, assert_untouched, layer, operators, rewritten, traced
from torch import nn
from torch.nn import functional

from micronet_edge_onnx.passes.merge_with_padding_columns import (
    BesideColumns,
    MergeWithPaddingColumns,
    silent_column,
)

MERGE = MergeWithPaddingColumns()


def pair(outputs, second=2, kernel_size=3, stride=2, *, biased=True):
    half = kernel_size // 2
    vertical = nn.Conv2d(3, outputs, (kernel_size, 1), (stride, 1), (half, 0), bias=biased)
    across = {"stride": (1, stride), "padding": (0, half), "groups": outputs}
    return vertical, nn.Conv2d(outputs, outputs * second, (1, kernel_size), **across)


@given(
    outputs=st.integers(1, 4),
    second=st.integers(1, 3),
    kernel_size=st.sampled_from([3, 5]),
    size=st.integers(6, 13),
    biased=st.booleans(),
)
def test_a_pair_becomes_one_convolution(outputs, second, kernel_size, size, biased):
    halves = pair(outputs, second, kernel_size, biased=biased)
    network, applied = rewritten(MERGE, traced(*halves, size=size), size)
    assert applied.places == 1
    assert operators(network) == ["BesideColumns", "Conv2d"]
    assert_once_is_enough(MERGE, network, size)


def test_columns_stand_where_the_convolution_reads_them():
    even, _ = rewritten(MERGE, traced(*pair(4), size=8), 8)
    odd, _ = rewritten(MERGE, traced(*pair(4), size=9), 9)
    assert [layer(one, BesideColumns).right.shape[3] for one in (even, odd)] == [0, 1]


@given(outputs=st.integers(1, 5), height=st.integers(3, 20), stride=st.integers(1, 2))
def test_a_silent_column_gives_zero_everywhere(outputs, height, stride):
    torch.manual_seed(outputs * height)
    vertical = nn.Conv2d(3, outputs, (3, 1), (stride, 1), (1, 0))
    column = silent_column(vertical, height)
    if column is not None:
        with torch.no_grad():
            made = functional.conv2d(
                column[None, :, :, None], vertical.weight, vertical.bias, (stride, 1), (1, 0)
            )
        assert made.abs().max() < 1e-4 * max(1.0, float(column.abs().max()))


def test_more_equations_than_pixels_have_no_solution():
    torch.manual_seed(0)
    assert silent_column(nn.Conv2d(3, 7, (3, 1), (2, 1), (1, 0)), 8) is None
    assert silent_column(nn.Conv2d(3, 2, (3, 1), (2, 1), (1, 0)), 8) is not None


def test_channels_that_say_the_same_with_other_biases_have_no_solution():
    vertical = nn.Conv2d(3, 2, (3, 1), (2, 1), (1, 0))
    with torch.no_grad():
        vertical.weight[1] = vertical.weight[0]
    assert silent_column(vertical, 8) is None


def test_a_column_of_huge_numbers_is_none():
    vertical = nn.Conv2d(3, 2, (3, 1), (2, 1), (1, 0))
    with torch.no_grad():
        vertical.weight.mul_(1e-4)
    assert silent_column(vertical, 8) is None


@pytest.mark.parametrize(
    "layers",
    [
        (nn.Conv2d(3, 3, (3, 1), (2, 1), (1, 0), groups=3), pair(3, second=1)[1]),
        (nn.Conv2d(3, 4, (3, 1), (2, 1), (1, 0)), nn.Conv2d(4, 4, (1, 3), (1, 2), (0, 1))),
        (nn.Conv2d(3, 4, (3, 1), (2, 1), (1, 0)), nn.ReLU(), pair(4)[1]),
    ],
    ids=["depthwise", "dense second half", "activation between"],
)
def test_other_pairs_stay(layers):
    assert_untouched(MERGE, traced(*layers))
