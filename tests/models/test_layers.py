"""Channel shuffle and micro-factorized convolutions against the dense layers that they stand for."""

import itertools
import math
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from micronet_edge.errors import SettingsError
from micronet_edge.models import (
    ChannelShuffle,
    FactorizedStem,
    GroupedPointwise,
    MicroFactorizedDepthwise,
    MicroFactorizedPointwise,
)

# Layers and references both compute in float64; they differ in the order of summation only.
TOLERANCE = 1e-12


def equal(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


@given(groups=st.integers(1, 6), width=st.integers(1, 6))
def test_shuffle_does_what_its_source_says(groups, width):
    channels = groups * width
    x = torch.arange(channels).reshape(1, channels, 1, 1).expand(2, -1, 3, 2)
    shuffle = ChannelShuffle(groups)
    shuffled = shuffle(x.contiguous())
    expected = [group * width + position for position in range(width) for group in range(groups)]
    assert shuffle.source(channels) == tuple(expected) == tuple(shuffled[1, :, 2, 1].tolist())
    assert torch.equal(ChannelShuffle(width)(shuffled), x)


@pytest.mark.parametrize("groups", [3, 0, -1])
def test_shuffle_refuses_channels_that_cannot_be_dealt_out(refusal, groups):
    message = refusal(SettingsError, ChannelShuffle(groups).source, 8)
    assert message == f"8 shuffled channels cannot be split into {groups} groups"


def untrained_norm_scale(norms: int) -> float:
    """What batch norms multiply by before they have seen anything."""
    return 1 / math.sqrt(1 + 1e-5) ** norms


def slow_matrix(conv: nn.Conv2d) -> Tensor:
    """A grouped 1 x 1 convolution as the matrix [out, in] that it multiplies by."""
    outputs, inputs = conv.out_channels // conv.groups, conv.in_channels // conv.groups
    matrix = torch.zeros(conv.out_channels, conv.in_channels, dtype=torch.float64)
    for group, o, i in itertools.product(range(conv.groups), range(outputs), range(inputs)):
        matrix[group * outputs + o, group * inputs + i] = conv.weight[group * outputs + o, i, 0, 0]
    return matrix


def found_matrix(layer: nn.Module, in_channels: int) -> Tensor:
    """The matrix [out, in] that a 1 x 1 layer multiplies by, read off its answers to unit vectors."""
    units = torch.eye(in_channels, dtype=torch.float64)[:, :, None, None]
    with torch.no_grad():
        return layer.double().eval()(units)[:, :, 0, 0].T


group_counts = st.tuples(st.integers(1, 4), st.integers(1, 4))


@given(groups=group_counts, factors=st.tuples(*[st.integers(1, 3)] * 3))
def test_pointwise_is_compression_shuffle_expansion(groups, factors):
    inputs, outputs = groups[0] * factors[0], groups[1] * factors[1]
    hidden = math.lcm(*groups) * factors[2]
    layer = MicroFactorizedPointwise(inputs, hidden, outputs, groups).double()
    shuffle = torch.zeros(hidden, hidden, dtype=torch.float64)
    width = hidden // groups[0]
    for group, position in itertools.product(range(groups[0]), range(width)):
        shuffle[position * groups[0] + group, group * width + position] = 1
    matrix = slow_matrix(layer.expand.conv) @ shuffle @ slow_matrix(layer.compress.conv)
    equal(found_matrix(layer, inputs), matrix.detach() * untrained_norm_scale(2))


@given(groups=group_counts, factors=st.tuples(*[st.integers(1, 3)] * 3))
def test_every_output_depends_on_every_input_when_the_hidden_channels_suffice(groups, factors):
    inputs, outputs = groups[0] * factors[0], groups[1] * factors[1]
    hidden = math.lcm(*groups) * factors[2]
    layer = MicroFactorizedPointwise(inputs, hidden, outputs, groups)
    for factor in (layer.compress, layer.expand):
        nn.init.ones_(factor.conv.weight)
    connected = found_matrix(layer, inputs) > 0
    assert bool(connected.all()) == (groups[0] * groups[1] <= hidden)


@pytest.mark.parametrize("groups", [(1, 1), (2, 1), (2, 2)])
def test_pointwise_has_the_rank_of_its_hidden_channels(groups):
    torch.manual_seed(0)
    layer = MicroFactorizedPointwise(12, 4, 12, groups)
    assert torch.linalg.matrix_rank(found_matrix(layer, 12)) == 4


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (partial(GroupedPointwise, 8, 6, 4), "6 output channels cannot be split into 4 groups"),
        (partial(GroupedPointwise, 6, 8, 4), "6 input channels cannot be split into 4 groups"),
        (partial(GroupedPointwise, 8, 8, 0), "8 input channels cannot be split into 0 groups"),
        (partial(GroupedPointwise, 0, 8, 1), "0 input channels cannot be split into 1 group"),
        (partial(MicroFactorizedPointwise, 8, 4, 8, (3, 2)), "8 input channels cannot be split into 3"),
        (partial(MicroFactorizedPointwise, 9, 4, 8, (3, 2)), "4 output channels cannot be split into 3"),
        (partial(MicroFactorizedPointwise, 8, 4, 8, (2, 3)), "4 input channels cannot be split into 3"),
        (partial(MicroFactorizedPointwise, 8, 4, 9, (2, 4)), "9 output channels cannot be split into 4"),
    ],
)
def test_pointwise_settings_that_do_not_fit_are_refused(refusal, build, message):
    assert message in refusal(SettingsError, build)


def separable_kernel(vertical: nn.Conv2d, horizontal: nn.Conv2d) -> Tensor:
    """The two-dimensional kernels [out, in per group, k, k]: outer products of the two factors'."""
    multiplied = horizontal.out_channels // horizontal.groups
    columns = vertical.weight.repeat_interleave(multiplied, dim=0)
    return columns * horizontal.weight


@given(
    channels=st.integers(1, 4),
    kernel_size=st.sampled_from([1, 3, 5, 7]),
    stride=st.integers(1, 2),
    expansion=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    size=st.tuples(st.integers(1, 8), st.integers(1, 8)),
)
def test_depthwise_is_one_depthwise_convolution_of_rank_one(channels, kernel_size, stride, expansion, size):
    layer = MicroFactorizedDepthwise(channels, kernel_size, stride=stride, expansion=expansion)
    layer = layer.double().eval()
    x = torch.randn(2, channels, *size, dtype=torch.float64)
    kernel = separable_kernel(layer.vertical, layer.horizontal) * untrained_norm_scale(2)
    expected = functional.conv2d(x, kernel, stride=stride, padding=kernel_size // 2, groups=channels)
    width = channels * math.prod(expansion)
    assert expected.shape == (2, width, math.ceil(size[0] / stride), math.ceil(size[1] / stride))
    equal(layer(x), expected)


@given(groups=group_counts, kernel_size=st.sampled_from([3, 5]), half=st.integers(1, 5))
def test_stem_is_a_convolution_a_shuffle_and_relu6(groups, kernel_size, half):
    layer = FactorizedStem(3, groups, kernel_size=kernel_size).double().eval()
    x = 20 * torch.randn(2, 3, 2 * half, 2 * half, dtype=torch.float64)
    kernel = separable_kernel(layer.vertical, layer.horizontal) * untrained_norm_scale(2)
    expected = functional.conv2d(x, kernel, stride=2, padding=kernel_size // 2)
    order = [i * groups[1] + j for j in range(groups[1]) for i in range(groups[0])]
    assert expected.shape == (2, math.prod(groups), half, half)
    equal(layer(x), expected[:, order].clamp(0, 6))
