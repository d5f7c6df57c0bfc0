"""Columns at a border are computed apart, with a bias of their own, in the place of a correction of all."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lowering.networks import (
    Residual,
    assert_once_is_enough,
    assert_untouched,
    layer,
    operators,
    rewritten,
)
from quantization.networks import traced
from torch import nn

from micronet_edge.lowering.ir.graph_builder import LAYER
from micronet_edge.lowering.ir.primitives import AddConstant, Columns, ConcatenateColumns
from micronet_edge_tflite.passes.split_borders import NUMBERS_THAT_PAY, SplitBorders

SIZE = 12
SPLIT = SplitBorders(numbers_that_pay=0)


def border(channels, width, columns):
    constant = torch.zeros(1, channels, 1, width)
    for column in columns:
        constant[..., column] = torch.linspace(-1.0, 1.0, channels).view(1, -1, 1)
    return AddConstant(constant)


def bordered(conv, columns, *behind, size=SIZE):
    width = conv(torch.zeros(1, 3, size, size)).shape[3]
    return traced(conv, border(conv.out_channels, width, columns), *behind, size=size)


@settings(max_examples=60)
@given(
    kernel=st.integers(1, 5),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    columns=st.sampled_from([(0,), (-1,), (0, -1), (0, 1), (0, 1, -2, -1)]),
    groups=st.sampled_from([1, 3]),
    bias=st.booleans(),
    clip=st.sampled_from([None, nn.ReLU6, nn.ReLU]),
)
def test_any_border_is_split(kernel, stride, padding, columns, groups, bias, clip):
    assume(padding < kernel)
    conv = nn.Conv2d(3, 6, kernel, stride, padding, groups=groups, bias=bias)
    clips = [] if clip is None else [clip()]
    before = bordered(conv, columns, *clips, nn.Conv2d(6, 2, 1))
    assume(layer(before, AddConstant).constant.shape[3] > len(columns))
    network, applied = rewritten(SPLIT, before, SIZE)
    assert applied.places == 1
    found = operators(network)
    assert "AddConstant" not in found
    assert found.count("Conv2d") == 2 + len(columns)
    assert found.count("ReLU6") + found.count("ReLU") == len(clips) * (1 + len(columns))
    assert_once_is_enough(SPLIT, network, SIZE)


def test_one_behind_the_other():
    first = [nn.Conv2d(3, 4, 3, padding=1), border(4, SIZE, (0, -1)), nn.ReLU6()]
    second = [nn.Conv2d(4, 4, 3, 2, 1), border(4, SIZE // 2, (0,)), nn.ReLU6()]
    network, applied = rewritten(SPLIT, traced(*first, *second, size=SIZE), SIZE)
    assert applied.places == 2
    assert operators(network).count("Conv2d") == 5


def test_only_what_the_column_depends_on_is_read():
    network, _ = rewritten(SPLIT, bordered(nn.Conv2d(3, 4, 5, 2, 2), (0, -1), nn.ReLU6()), SIZE)
    windows = [each for each in network.modules() if isinstance(each, Columns)]
    assert {(each.start, each.stop) for each in windows} == {(1, 5), (0, 3), (8, 12)}
    assert isinstance(network.get_submodule("1/joined"), ConcatenateColumns)
    assert network.get_submodule("1/0").kernel_size == (5, 3)
    assert network.get_submodule("1/5").kernel_size == (5, 4)


def test_what_it_writes_is_part_of_the_convolution():
    network, _ = rewritten(SPLIT, bordered(nn.Conv2d(3, 4, 3, 2, 1), (0,), nn.ReLU6()), SIZE)
    written = [node for node in network.graph.nodes if str(node.target).startswith("1/")]
    assert (
        len(written) == 6
    )  # the clip of all, the columns inside, those read, their conv and clip, both joined
    assert {node.meta[LAYER] for node in written} == {"0"}


def test_small_maps_keep_the_correction():
    small = bordered(nn.Conv2d(3, 4, 3, 2, 1), (0,))
    assert_untouched(SplitBorders(), small, SIZE)
    side = 128
    large = bordered(nn.Conv2d(3, 8, 3, 1, 1), (0, -1), size=side)
    assert 8 * side * side > 2 * NUMBERS_THAT_PAY
    network, applied = rewritten(SplitBorders(), large, side)
    assert applied.places == 1
    assert "AddConstant" not in operators(network)


class ReadTwice(nn.Module):
    """A convolution whose result is read with and without the correction."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.border = nn.Conv2d(3, 4, 3, padding=1), border(4, SIZE, (0,))

    def forward(self, x):
        y = self.conv(x)
        return y + self.border(y)


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param((nn.Conv2d(3, 4, 1), border(4, SIZE, ())), id="nothing to correct"),
        pytest.param((nn.Conv2d(3, 4, 1), border(4, SIZE, (5,))), id="in the middle"),
        pytest.param((nn.Conv2d(3, 4, 1), border(4, SIZE, range(SIZE))), id="everywhere"),
        pytest.param((nn.Conv2d(3, 4, 1), AddConstant(torch.ones(1, 4, 1, 1))), id="one number a channel"),
        pytest.param((nn.Conv2d(3, 4, 1), AddConstant(torch.tensor(3.0))), id="one number"),
        pytest.param((nn.ReLU(), border(3, SIZE, (0,))), id="no convolution"),
        pytest.param((ReadTwice(),), id="read uncorrected"),
        pytest.param(
            (nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), border(4, SIZE, (0,))), id="reflected"
        ),
        pytest.param((nn.Conv2d(3, 4, 3, padding=2, dilation=2), border(4, SIZE, (0,))), id="dilated"),
        pytest.param((nn.Conv2d(3, 4, 1), Residual(nn.Conv2d(4, 4, 1))), id="none"),
    ],
)
def test_elsewhere_nothing_changes(layers):
    assert_untouched(SPLIT, traced(*layers, size=SIZE), SIZE)
