"""Which tensors of a C file have 16 bits: those between two convolutions whose kernels can."""

from dataclasses import replace

import pytest
from quantization.networks import quantized, traced
from torch import nn

from micronet_edge.models import ChannelShuffle
from micronet_edge_c.wide_pairs import with_wide_pairs


def down(inputs, outputs, groups=1):
    return nn.Conv2d(inputs, outputs, (3, 1), (2, 1), (1, 0), groups=groups)


def across(inputs, outputs, groups):
    return nn.Conv2d(inputs, outputs, (1, 3), (1, 2), (0, 1), groups=groups)


def wide(found):
    return [name for name, qparams in with_wide_pairs(found).tensor_qparams.items() if qparams.bits == 16]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ((down(3, 6), across(6, 12, 3)), []),
        ((down(3, 6), across(6, 12, 6)), ["0"]),
        ((down(3, 6), down(6, 6, 6), across(6, 12, 6), nn.Conv2d(12, 4, 1)), ["0", "1"]),
        ((down(3, 6), nn.ReLU(), across(6, 12, 6)), []),
        ((down(3, 6), ChannelShuffle(2), across(6, 12, 6)), []),
        ((nn.Conv2d(3, 6, 1), across(6, 12, 6)), []),
        ((down(3, 6), nn.Conv2d(6, 6, 3, padding=1, groups=6)), []),
    ],
    ids=["grouped", "pair", "three", "clip", "shuffle", "pointwise", "square"],
)
def test_which_tensors_are_wide(layers, expected):
    assert wide(quantized(traced(*layers))) == expected


def test_a_wide_tensor_holds_four_times_its_range():
    found = quantized(traced(down(3, 6), across(6, 12, 6)))
    narrow, widened = (each.tensor_qparams["0"] for each in (found, with_wide_pairs(found)))
    assert widened.zero_point == 0
    assert widened.high == pytest.approx(4 * max(-narrow.low, narrow.high), rel=1e-3)
    assert widened.scale < narrow.scale / 16


@pytest.mark.parametrize("name", ["0", "1"])
def test_beside_an_operator_in_float_nothing_is_wide(name):
    found = quantized(traced(down(3, 6), across(6, 12, 6)))
    assert wide(replace(found, float_layers=frozenset({name}))) == []
