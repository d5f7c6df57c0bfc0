"""A network reads an image with its channels last, without moving a number where a convolution reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lowering.networks import (
    Residual,
    assert_once_is_enough,
    layer,
    operators,
    rewritten,
    stem,
    traced,
)
from torch import nn

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering.passes.read_pixels import ReadPixels
from micronet_edge_onnx.passes.merge_with_padding_columns import MergeWithPaddingColumns
from micronet_edge_onnx.passes.narrow_constants import NarrowConstants
from micronet_edge_onnx.passes.read_bytes import ReadBytes
from micronet_edge_onnx.passes.read_channels_last import ReadChannelsLast

LAST = ReadChannelsLast()


@given(
    height=st.integers(1, 5),
    width=st.integers(1, 5),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    bias=st.booleans(),
)
def test_a_convolution_of_the_image_becomes_one_of_its_rows(height, width, stride, padding, bias):
    conv = nn.Conv2d(3, 4, (height, width), stride, padding, bias=bias)
    network, applied = rewritten(LAST, traced(conv, nn.ReLU()))
    assert applied.places == 1
    assert operators(network) == ["ChannelsLast", "Reshape", "Conv2d", "ReLU"]
    rows = layer(network, nn.Conv2d)
    assert (rows.in_channels, rows.kernel_size) == (1, (height, 3 * width))
    assert rows.weight.numel() == conv.weight.numel()
    assert_once_is_enough(LAST, network)


@pytest.mark.parametrize("white", [None, 1.0, 255.0])
def test_a_mean_and_columns_are_read_in_rows(white):
    network = traced(
        nn.Conv2d(3, 2, (3, 1), (2, 1), (1, 0)), nn.Conv2d(2, 4, (1, 3), padding=(0, 1), groups=2)
    )
    before, expected = [], ["ChannelsLast", "Reshape", "BesideColumns", "Conv2d"]
    if white is not None:
        before.append(ReadPixels(Preprocessing.imagenet(8), white))
        expected = ["Denormalize", *expected[:2], "AddConstant", *expected[2:]]
    if white == 255:
        before.append(ReadBytes())
        expected.insert(3, "ToFloat")
    for pass_ in (*before, NarrowConstants(), MergeWithPaddingColumns(), LAST):
        network, _ = rewritten(pass_, network)
    assert operators(network) == expected


@pytest.mark.parametrize(
    "network",
    [
        pytest.param((nn.Conv2d(3, 6, 3, groups=3),), id="groups"),
        pytest.param((nn.Conv2d(3, 6, 3, dilation=2),), id="dilation"),
        pytest.param((nn.Conv2d(3, 6, 3, padding=1, padding_mode="reflect"),), id="reflection"),
        pytest.param((Residual(stem(3)),), id="read twice"),
        pytest.param((nn.AdaptiveAvgPool2d(1), nn.Flatten(1)), id="no convolution"),
    ],
)
def test_what_else_reads_the_image_gets_it_permuted(network):
    result, applied = rewritten(LAST, traced(*network))
    assert applied.places == 1
    assert operators(result)[:2] == ["ChannelsLast", "Permute"]
    assert_once_is_enough(LAST, result)


def test_rows_may_be_left_out():
    network, _ = rewritten(ReadChannelsLast(as_rows=False), traced(stem(4, 3), nn.ReLU()))
    assert operators(network) == ["ChannelsLast", "Permute", "Conv2d", "ReLU"]
