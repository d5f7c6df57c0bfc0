"""Linear layers behind a flatten become convolutions of one pixel, and the flatten comes last."""

import pytest
import torch
from costs import ONNXRUNTIME, PORTABLE
from lowering.networks import (
    Outputs,
    Residual,
    assert_once_is_enough,
    assert_untouched,
    layer,
    micronet,
    operators,
    rewritten,
    stem,
    traced,
)
from torch import nn

from micronet_edge.lowering import lower
from micronet_edge_onnx.passes.flatten_last import FlattenLast

LAST = FlattenLast()
POOLED = stem(6), nn.AdaptiveAvgPool2d(1), nn.Flatten(1)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("between", [(), (nn.ReLU(),), (nn.Hardswish(), nn.Identity()), (nn.ReLU6(),)])
def test_a_head_is_flattened_last(bias, between):
    head = nn.Linear(6, 5, bias=bias), *between, nn.Linear(5, 4, bias=bias), nn.Hardswish()
    network, applied = rewritten(LAST, traced(*POOLED, *head))
    assert applied.places == 1
    assert operators(network)[-1] == "flatten"
    assert operators(network).count("Conv2d") == 3
    assert "Linear" not in operators(network)
    assert layer(network, nn.Conv2d, 1).kernel_size == (1, 1)
    assert_once_is_enough(LAST, network)


def test_the_family():
    ours, portable = (lower(micronet("m0"), pipeline, 32).network for pipeline in (ONNXRUNTIME, PORTABLE))
    assert operators(ours)[-1] == "flatten"
    assert (operators(ours).count("Linear"), operators(portable).count("Linear")) == (0, 2)


def test_it_stops_where_the_rows_are_read_twice():
    network, applied = rewritten(LAST, traced(*POOLED, nn.Linear(6, 6), Residual(nn.Linear(6, 6))))
    assert applied.places == 1
    found = operators(network)
    assert found.index("flatten") == found.index("Conv2d", 1) + 1
    assert found.count("Linear") == 1


class Scaled(nn.Module):
    """Squeeze-and-excite with linear layers; `end` is computed of the row before it is a pixel again."""

    def __init__(self, end):
        super().__init__()
        self.squeeze, self.excite, self.end = nn.Linear(6, 4), nn.Linear(4, 6), end

    def forward(self, x):
        row = self.squeeze(x.mean((2, 3), keepdim=True).flatten(1)).relu()
        return x * self.end(self.excite(row))[:, :, None, None]


@pytest.mark.parametrize("end", [nn.Identity(), nn.Hardsigmoid(), nn.Sigmoid()], ids=str)
def test_rows_that_scale_a_map_stay_rows(end):
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(6, 5)
    lowered = lower(nn.Sequential(stem(6), Scaled(end), *head), ONNXRUNTIME, 32).network
    assert operators(lowered).count("Linear") == 2
    assert operators(lowered).count("Conv2d") == 2
    assert operators(lowered)[-1] == "flatten"


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param((stem(6), nn.Flatten(1), nn.Linear(6 * 64, 4)), id="many pixels"),
        pytest.param((*POOLED, nn.ReLU()), id="no linear layer"),
        pytest.param((*POOLED, Residual(nn.Linear(6, 6))), id="read twice"),
        pytest.param((stem(6),), id="no flatten"),
        pytest.param((*POOLED[:2], Outputs(nn.Flatten(1), nn.Linear(6, 4))), id="read from outside"),
    ],
)
def test_elsewhere_nothing_changes(layers):
    assert_untouched(LAST, traced(*layers))


def test_weights_are_the_same_numbers():
    before = traced(*POOLED, nn.Linear(6, 5))
    network, _ = rewritten(LAST, before)
    assert torch.equal(layer(network, nn.Conv2d, 1).weight.flatten(1), layer(before, nn.Linear).weight)
