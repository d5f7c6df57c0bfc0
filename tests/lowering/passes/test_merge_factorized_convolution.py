"""K x 1 and 1 x K become one K x K that is right at the borders as well."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lowering.networks import (
    assert_once_is_enough,
    assert_untouched,
    difference,
    images,
    layer,
    operators,
    rewritten,
    stem,
    traced,
)
from torch import nn

from micronet_edge.lowering.ir.convolutions import BorderedConv
from micronet_edge.lowering.passes.merge_factorized_convolution import MergeFactorizedConvolution

STRIDED, ALL = MergeFactorizedConvolution(), MergeFactorizedConvolution(minimum_stride=1)


def pair(channels=3, first=2, second=2, kernel_size=3, stride=2, **settings):
    """The two halves with biases, multiplying the channels by `first` and `second`."""
    middle, half = channels * first, kernel_size // 2
    down = stride if isinstance(stride, int) else 2
    vertical = nn.Conv2d(channels, middle, (kernel_size, 1), (down, 1), (half, 0), groups=channels)
    horizontal = {
        "kernel_size": (1, kernel_size),
        "stride": (1, stride) if isinstance(stride, int) else stride,
        "padding": (0, half),
        "groups": middle,
        **settings,
    }
    return vertical, nn.Conv2d(middle, middle * second, **horizontal)


@given(
    channels=st.integers(1, 4),
    multipliers=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    kernel_size=st.sampled_from([3, 5]),
    stride=st.integers(1, 2),
    size=st.integers(1, 12),
    biased=st.tuples(st.booleans(), st.booleans()),
)
def test_a_pair_becomes_one_convolution(channels, multipliers, kernel_size, stride, size, biased):
    vertical, horizontal = pair(channels, *multipliers, kernel_size, stride)
    for half, has_bias in zip((vertical, horizontal), biased, strict=True):
        half.bias = half.bias if has_bias else None
    network, applied = rewritten(ALL, traced(stem(channels), vertical, horizontal, size=size), size)
    assert applied.places == 1
    assert len(operators(network)) == 2
    assert_once_is_enough(ALL, network, size)


@given(outputs=st.integers(1, 4), second=st.integers(1, 3), size=st.integers(4, 11))
def test_a_dense_first_half_becomes_a_dense_convolution(outputs, second, size):
    vertical = nn.Conv2d(3, outputs, (3, 1), (2, 1), (1, 0))
    horizontal = nn.Conv2d(outputs, outputs * second, (1, 3), (1, 2), (0, 1), groups=outputs)
    network, applied = rewritten(STRIDED, traced(vertical, horizontal, size=size), size)
    assert applied.places == 1
    assert operators(network) == ["BorderedConv"]
    assert layer(network, nn.Module).conv.groups == 1


def test_without_the_bias_map_the_borders_are_wrong():
    network = traced(*pair(kernel_size=5))
    merged, _ = rewritten(STRIDED, network)
    naive = copy.deepcopy(merged)
    bordered = layer(naive, BorderedConv)
    bias_map = bordered.bias_map
    bordered.bias_map = bias_map[..., 2:3].expand_as(bias_map)
    batch = images(8)
    assert difference(network, naive, batch) > 1e-2
    inner = slice(1, -1)
    assert (network(batch)[..., inner] - naive(batch)[..., inner]).abs().max() < 1e-5


def test_the_bias_map_is_uneven_near_the_borders_only():
    network, _ = rewritten(ALL, traced(*pair(kernel_size=5, stride=1), size=9), 9)
    bias_map = layer(network, BorderedConv).bias_map[0, :, 0]
    assert bias_map.shape == (12, 9)
    assert (bias_map[:, 2:7] == bias_map[:, 2:3]).all()
    assert all((bias_map[:, column] != bias_map[:, 4]).all() for column in (0, 1, 7, 8))


def test_without_a_bias_in_the_first_half_no_map_is_needed():
    vertical, horizontal = pair()
    vertical.bias = None
    network, _ = rewritten(STRIDED, traced(vertical, horizontal))
    assert operators(network) == ["Conv2d"]


def test_a_pair_at_stride_one_that_keeps_its_channels_stays_unless_asked_for():
    assert_untouched(STRIDED, traced(*pair(first=1, second=1, stride=1)))
    _, applied = rewritten(ALL, traced(*pair(first=1, second=1, stride=1)))
    assert applied.places == 1


def test_a_pair_at_stride_one_that_multiplies_its_channels_is_merged():
    for first, second in ((2, 1), (1, 2), (2, 2)):
        _, applied = rewritten(STRIDED, traced(*pair(first=first, second=second, stride=1)))
        assert applied.places == 1


def test_pairs_one_behind_the_other_are_merged_each():
    network, applied = rewritten(STRIDED, traced(*pair(3, 2, 1), *pair(6, 1, 2)))
    assert applied.places == 2
    assert operators(network) == ["BorderedConv", "BorderedConv"]
    assert_once_is_enough(STRIDED, network)


class ReadTwice(nn.Module):
    """The first half is read by the second and by the outside."""

    def __init__(self) -> None:
        super().__init__()
        self.vertical, self.horizontal = pair()

    def forward(self, x):
        y = self.vertical(x)
        return y, self.horizontal(y)


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param((ReadTwice(),), id="first half read twice"),
        pytest.param((pair()[0], nn.ReLU(), pair()[1]), id="activation between"),
        pytest.param(pair(groups=1), id="second half dense"),
        pytest.param(pair(groups=3), id="two inputs per group"),
        pytest.param(pair(padding=(0, 0)), id="other padding"),
        pytest.param(pair(dilation=(1, 2)), id="dilated"),
        pytest.param(pair(padding_mode="reflect"), id="not padded with zeros"),
        pytest.param(pair(stride=(2, 2)), id="second half strides down"),
        pytest.param((stem(6, 3), pair()[1]), id="first half square"),
        pytest.param((pair()[0], nn.Conv2d(6, 6, 1, groups=6)), id="second half pointwise"),
        pytest.param(reversed(pair(3, 1, 1)), id="the other way round"),
    ],
)
def test_what_is_no_plain_pair_stays(layers):
    assert_untouched(ALL, traced(*layers))
