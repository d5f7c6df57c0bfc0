"""The first convolution reads several columns of pixels as one; its first columns have their own bias."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lowering.networks import assert_once_is_enough, assert_untouched, layer, operators, rewritten
from quantization.networks import traced
from torch import nn

from micronet_edge.lowering.ir.graph import shape_of
from micronet_edge.lowering.ir.graph_builder import LAYER
from micronet_edge.lowering.ir.primitives import (
    AddConstant,
    ChannelsToColumns,
    Columns,
    ColumnsToChannels,
    Frame,
)
from micronet_edge.lowering.passes.space_to_depth_width import TILE, SpaceToDepthWidth

SIZE = 16
GROUP = SpaceToDepthWidth()
GROUPED = [
    "ColumnsToChannels",
    "Frame",
    "Columns",
    "Conv2d",
    "Conv2d",
    "ReLU6",
    "ReLU6",
    "ConcatenateColumns",
    "ChannelsToColumns",
]


def border(channels, width, *columns):
    constant = torch.zeros(1, channels, 1, width)
    for column in columns:
        constant[..., column] = torch.linspace(-0.5, 0.5, channels).view(1, -1, 1)
    return AddConstant(constant)


def pixel_stem(channels, *between, kernel=3, stride=2, side=1, vertical=1, bias=True, dilation=1):
    frame = Frame(torch.tensor([0.5, 0.4, 0.3]), vertical, side)
    conv = nn.Conv2d(3, channels, kernel, stride, dilation=dilation, bias=bias)
    return traced(frame, conv, *between, nn.ReLU6(), nn.Conv2d(channels, 5, 1), size=SIZE)


@settings(max_examples=30)
@given(
    channels=st.integers(1, 16),
    kernel=st.tuples(st.integers(1, 4), st.just(3)),
    vertical=st.integers(0, 2),
    bias=st.booleans(),
    bordered=st.booleans(),
)
def test_any_stem_of_stride_2_is_grouped(channels, kernel, vertical, bias, bordered):
    between = [border(channels, SIZE // 2, 0)] if bordered else []
    before = pixel_stem(channels, *between, kernel=kernel, vertical=vertical, bias=bias)
    network, applied = rewritten(GROUP, before, SIZE)
    assert applied.places == 1
    found = operators(network)
    assert sorted(found[:-1]) == sorted(GROUPED)
    assert found[-1] == "Conv2d"
    assert_once_is_enough(GROUP, network, SIZE)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("behind", [(), (nn.ReLU6(),), (border(8, SIZE // 2, 0),), (nn.Conv2d(8, 4, 1),)])
def test_zeros_are_padding_as_well(behind, bias):
    before = traced(nn.Conv2d(3, 8, 3, 2, 1, bias=bias), *behind, size=SIZE)
    network, applied = rewritten(GROUP, before, SIZE)
    assert applied.places == 1
    assert operators(network).count("Conv2d") == 1 + operators(before).count("Conv2d")
    assert not layer(network, Frame).values.any()
    assert_once_is_enough(GROUP, network, SIZE)


@pytest.mark.parametrize(("channels", "read"), [(4, 4), (8, 4), (9, 2), (16, 2)])
def test_as_many_columns_as_fill_a_tile(channels, read):
    network, _ = rewritten(GROUP, pixel_stem(channels), SIZE)
    assert layer(network, ColumnsToChannels).columns == read
    assert layer(network, ChannelsToColumns).columns == read // 2
    left, inside = layer(network, nn.Conv2d), layer(network, nn.Conv2d, 1)
    assert left.out_channels == inside.out_channels == channels * read // 2 <= TILE
    assert (left.kernel_size, inside.kernel_size) == ((3, 1), (3, 2))
    columns = layer(network, Columns)
    assert (columns.start, columns.stop) == (0, 1)
    assert layer(network, Frame).horizontal == 0


def test_columns_become_channels_and_columns_again():
    image = torch.arange(2 * 3 * 2 * 8.0).view(2, 3, 2, 8)
    grouped = ColumnsToChannels(4)(image)
    assert grouped.shape == (2, 12, 2, 2)
    assert torch.equal(grouped[:, 3 * 2 : 3 * 3, :, 1], image[..., 4 + 2])
    assert torch.equal(ChannelsToColumns(4)(grouped), image)
    last = image.permute(0, 2, 3, 1)  # channels last, the same numbers in the same order
    assert torch.equal(grouped.permute(0, 2, 3, 1).reshape(-1), last.reshape(-1))


def test_what_it_writes_is_part_of_the_convolution():
    network, _ = rewritten(GROUP, pixel_stem(4, border(4, SIZE // 2, 0)), SIZE)
    *written, _behind = [node for node in network.graph.nodes if node.op == "call_module"]
    assert {node.meta[LAYER] for node in written} == {"1"}
    assert [shape_of(written[-1])[1], shape_of(written[-1])[3]] == [4, SIZE // 2]


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(lambda: pixel_stem(17), id="more channels than a tile"),
        pytest.param(lambda: pixel_stem(4, stride=1), id="stride 1"),
        pytest.param(lambda: pixel_stem(4, kernel=5), id="reads a third group"),
        pytest.param(lambda: pixel_stem(4, side=0), id="no frame at the sides"),
        pytest.param(lambda: pixel_stem(4, dilation=2), id="dilated"),
        pytest.param(lambda: pixel_stem(4, border(4, SIZE // 2, -1)), id="a border at the right"),
        pytest.param(lambda: traced(nn.Conv2d(3, 4, 3, 2), nn.ReLU6(), size=SIZE), id="no padding"),
        pytest.param(
            lambda: traced(nn.Conv2d(3, 4, 3, 2, 1, padding_mode="reflect"), size=SIZE), id="reflected"
        ),
        pytest.param(lambda: traced(nn.Conv2d(3, 6, 3, 2, 1, groups=3), nn.ReLU6(), size=SIZE), id="groups"),
        pytest.param(
            lambda: traced(Frame(torch.ones(3), 1, 1), nn.Conv2d(3, 4, 3, 2, 1), size=SIZE), id="padded twice"
        ),
    ],
)
def test_elsewhere_nothing_changes(network):
    assert_untouched(GROUP, network(), SIZE)
