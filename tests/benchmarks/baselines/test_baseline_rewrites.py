"""Hard sigmoids and constant factors cost nothing once they are folded, and the numbers stay the same."""

import pytest
import torch
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

from baselines.fold_factors import FoldFactors
from baselines.freeze_hard_sigmoid import FreezeHardSigmoid
from baselines.layers import SqueezeExcite
from micronet_edge.lowering import apply
from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS
from micronet_edge.lowering.ir.pass_base import probe_image
from micronet_edge.lowering.passes.decompose import Decompose

FREEZE, FOLD, SPELL = FreezeHardSigmoid(), FoldFactors(), Decompose(INTEGER_COSTS)


def prepared(*layers, by, size=8):
    network = traced(*layers, size=size)
    for pass_ in by:
        network, _ = apply(pass_, network, probe_image(size))
    return network


class Branches(nn.Module):
    """A hard swish that is read twice: by what `first` is, and by a convolution."""

    def __init__(self, first: nn.Module) -> None:
        super().__init__()
        self.stem, self.swish, self.first, self.second = stem(4), nn.Hardswish(), first, nn.Conv2d(4, 4, 1)

    def forward(self, x):
        y = self.swish(self.stem(x))
        return self.first(y) + self.second(y)


class Square(nn.Module):
    """What a convolution makes of x * x."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 1)

    def forward(self, x):
        return self.conv(x * x)


# --- Hard sigmoid


def test_a_hard_sigmoid_becomes_a_bias_and_a_clip():
    before = traced(stem(4), nn.Hardsigmoid(), nn.Conv2d(4, 2, 1))
    network, applied = rewritten(FREEZE, before)
    assert applied.places == 1
    assert operators(network) == ["Conv2d", "ReLU6", "MultiplyConstant", "Conv2d"]
    assert torch.equal(layer(network, nn.Conv2d).bias, layer(before, nn.Conv2d).bias + 3)
    assert_once_is_enough(FREEZE, network)


def test_a_hard_sigmoid_of_anything_else_stays():
    assert_untouched(FREEZE, traced(stem(4), nn.ReLU(), nn.Hardsigmoid()))


# --- Factors


@pytest.mark.parametrize(
    "behind",
    [
        [nn.Conv2d(4, 2, 3, padding=1)],
        [nn.Conv2d(4, 4, 3, padding=1, groups=4)],
        [nn.ReLU(), nn.Conv2d(4, 2, 1, bias=False)],
        [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)],
    ],
    ids=["dense", "depthwise", "behind a rectifier", "linear behind a mean"],
)
def test_the_sixth_of_a_hard_swish_goes_into_the_layer_behind(behind):
    before = prepared(stem(4), nn.Hardswish(), *behind, by=[SPELL])
    network, applied = rewritten(FOLD, before)
    assert applied.places == 1
    expected = operators(before)
    expected.remove("MultiplyConstant")
    assert operators(network) == expected
    assert_once_is_enough(FOLD, network)


def test_squeeze_and_excite_costs_no_factor():
    block = stem(8), nn.Hardswish(), SqueezeExcite(8, 4), nn.Conv2d(8, 2, 1)
    network, applied = rewritten(FOLD, prepared(*block, by=[FREEZE, SPELL]))
    assert applied.places == 2
    assert "MultiplyConstant" not in operators(network)
    assert operators(network).count("Multiply") == 2


def test_every_reader_takes_the_factor():
    network, applied = rewritten(FOLD, prepared(Branches(nn.Conv2d(4, 4, 1)), by=[SPELL]))
    assert applied.places == 1
    assert "MultiplyConstant" not in operators(network)


@pytest.mark.parametrize(
    "first",
    [nn.Identity(), nn.ReLU6(), nn.MaxPool2d(1), Square()],
    ids=["a sum", "a clip", "other", "square"],
)
def test_a_factor_stays_where_one_reader_cannot_take_it(first):
    assert_untouched(FOLD, prepared(Branches(first), by=[SPELL]))


def test_a_factor_of_the_output_stays():
    assert_untouched(FOLD, prepared(stem(4), nn.Hardswish(), by=[SPELL]))
