"""The convolution that reads pixels subtracts their mean, where that costs less."""

import pytest
import torch
from lowering.networks import assert_once_is_enough, assert_untouched, operators, rewritten, traced
from torch import nn

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering.ir.primitives import AddConstant
from micronet_edge.lowering.passes.read_pixels import CENTERED, ReadPixels
from micronet_edge_tflite.passes.fold_mean import UNCENTERED, FoldMean

SIZE = 8
FOLD = FoldMean()


def from_pixels(*layers, white=255.0):
    return rewritten(ReadPixels(Preprocessing.imagenet(SIZE), white), traced(*layers))[0]


@pytest.mark.parametrize("white", [1.0, 255.0])
@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(3, 4, 3, 2, 1),
        nn.Conv2d(3, 4, 3, 2, 1, bias=False),
        nn.Conv2d(3, 5, (3, 1), (2, 1), (1, 0), bias=False),
        nn.Conv2d(3, 4, 5, 2, 2, dilation=2),
    ],
    ids=str,
)
def test_a_constant_of_the_map_stands_behind_the_convolution(conv, white):
    network = from_pixels(conv, nn.ReLU6(), white=white)
    folded, _ = rewritten(FOLD, network)
    assert CENTERED not in {node.target for node in folded.graph.nodes}
    constant = folded.get_submodule(UNCENTERED).constant
    middle = constant[:, :, constant.shape[2] // 2, constant.shape[3] // 2]
    if conv.dilation == (1, 1):  # else the border is everywhere
        assert middle.abs().max() < 1e-5
    assert constant.abs().max() > 0.1
    assert_once_is_enough(FOLD, folded)


def test_a_border_that_is_added_already_takes_it():
    network = from_pixels(nn.Conv2d(3, 4, 3, 2, 1), AddConstant(torch.randn(1, 4, 1, SIZE // 2)), nn.ReLU())
    assert operators(rewritten(FOLD, network)[0])[-3:] == ["Conv2d", "AddConstant", "ReLU"]


def test_a_map_as_large_as_the_image_gains_nothing():
    assert_untouched(FOLD, from_pixels(nn.Conv2d(3, 12, 3, 2, 1), nn.ReLU()))


def test_a_border_of_other_numbers_stays():
    assert_untouched(FOLD, from_pixels(nn.Conv2d(3, 4, 3, 2, 1, padding_mode="reflect"), nn.ReLU()))


def test_normalized_images_stay():
    assert_untouched(FOLD, traced(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU()))
