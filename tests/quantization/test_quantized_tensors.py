"""Which tensors are quantized, and which share quantization parameters."""

import pytest
import torch
from quantization.networks import graph_of, layer_names, traced
from quantized_digits import decomposed_digits
from torch import nn

from micronet_edge.lowering.ir.primitives import (
    Add,
    Channels,
    Concatenate,
    DynamicPointwise,
    DynamicPointwiseWeight,
    Maximum,
    Multiply,
)
from micronet_edge.quantization.assign_qparams import assign_qparams
from micronet_edge.quantization.quantized_tensors import (
    clip_after,
    input_names,
    quantized_tensors,
    tensor_name,
)


class TwoBranches(nn.Module):
    """What `join` makes of two convolutions, and what `after` makes of that."""

    def __init__(self, join, after=None) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1)
        self.join, self.after = join, after or nn.Conv2d(4, 2, 1)

    def forward(self, x):
        return self.after(self.join(self.left(x), self.right(x)))


def owners(*layers):
    return quantized_tensors(traced(*layers))


def test_every_layer_has_qparams_of_its_own():
    assert owners(nn.Conv2d(3, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 2, 1)) == {
        name: name for name in ("image", "0", "1", "2")
    }


@pytest.mark.parametrize("clip", [nn.ReLU(), nn.ReLU6(), nn.Hardtanh(-1.0, 1.0)], ids=repr)
def test_what_is_only_cut_off_is_rounded_behind_the_clip(clip):
    assert owners(nn.Conv2d(3, 4, 1), clip) == {"image": "image", "1": "1"}


def test_a_clip_behind_a_clip_is_rounded_too():
    assert owners(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.ReLU6()) == {"image": "image", "1": "1", "2": "2"}


def test_what_a_clip_and_another_layer_read_is_rounded():
    class ReadTwice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.clip, self.add = nn.Conv2d(3, 4, 1), nn.ReLU(), Add()

        def forward(self, x):
            y = self.conv(x)
            return self.add(y, self.clip(y))

    assert owners(ReadTwice()) == {name: name for name in ("image", "conv", "clip", "add")}


def test_both_sides_of_a_maximum_have_its_qparams():
    assert owners(TwoBranches(Maximum())) == {
        "image": "image",
        "left": "join",
        "right": "join",
        "join": "join",
        "after": "after",
    }


def test_both_sides_of_a_maximum_that_is_clipped_have_the_qparams_of_the_clip():
    found = owners(TwoBranches(Maximum(), nn.ReLU6()))
    assert found == {"image": "image", "left": "after", "right": "after", "after": "after"}


def test_what_else_reads_a_side_of_a_maximum_gives_it_qparams_of_its_own():
    class ReadTwice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1)
            self.join, self.add = Maximum(), Add()

        def forward(self, x):
            left = self.left(x)
            return self.add(left, self.join(left, self.right(x)))

    found = owners(ReadTwice())
    assert (found["left"], found["right"]) == ("left", "join")


@pytest.mark.parametrize("join", [Add(), Multiply()], ids=repr)
def test_the_sides_of_a_sum_and_of_a_product_have_qparams_of_their_own(join):
    found = owners(TwoBranches(join))
    assert found == {name: name for name in ("image", "left", "right", "join", "after")}


class Mixed(nn.Module):
    """A fusion of one shifted input, as a product with a matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.first, self.second = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.low, self.high = nn.Hardtanh(-1.0, 1.0), nn.Hardtanh(-2.0, 2.0)
        self.matrix, self.mix = DynamicPointwiseWeight(((0, 1, 2), (1, 2, 0)), 3), DynamicPointwise()

    def forward(self, x):
        mean = self.mean(x)
        return self.mix(x, self.matrix(self.low(self.first(mean)), self.high(self.second(mean))))


def test_coefficients_have_the_qparams_of_their_matrix():
    found = owners(Mixed())
    assert (found["low"], found["high"], found["matrix"], found["mix"]) == (
        "matrix",
        "matrix",
        "matrix",
        "mix",
    )
    assert {"first", "second"}.isdisjoint(found)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_matrix_has_a_zero_point_of_zero(bits):
    network = traced(Mixed())
    ranges = dict.fromkeys(set(quantized_tensors(network).values()), (-1.0, 2.0))
    tensor_qparams = assign_qparams(network, ranges, bits)
    assert set(tensor_qparams) == set(quantized_tensors(network))
    assert tensor_qparams["matrix"] == tensor_qparams["low"] == tensor_qparams["high"]
    assert tensor_qparams["matrix"].zero_point == 0
    assert (tensor_qparams["mix"].zero_point == 0) == (bits == 16)


class Shifted(nn.Module):
    """x's halves the other way round."""

    def __init__(self, other=None) -> None:
        super().__init__()
        self.conv, self.other = nn.Conv2d(3, 4, 1), other
        self.upper, self.lower, self.both = Channels(2, 4), Channels(0, 2), Concatenate()

    def forward(self, x):
        y = self.conv(x)
        lower = self.lower(y) if self.other is None else self.other(x)
        return self.both(self.upper(y), lower)


def test_what_only_moves_numbers_keeps_their_qparams():
    assert owners(Shifted()) == {
        "image": "image",
        "conv": "conv",
        "upper": "conv",
        "lower": "conv",
        "both": "conv",
    }
    assert owners(Channels(0, 2), nn.Flatten(1)) == {"image": "image", "0": "image", "1": "image"}


def test_tensors_of_several_ranges_have_the_qparams_of_what_joins_them():
    found = owners(Shifted(nn.Conv2d(3, 2, 1)))
    assert found == {"image": "image", "conv": "both", "upper": "both", "other": "both", "both": "both"}


def test_what_else_reads_a_joined_tensor_leaves_it_its_own_qparams():
    class ReadTwice(Shifted):
        def __init__(self) -> None:
            super().__init__(nn.Conv2d(3, 2, 1))
            self.mean = nn.AdaptiveAvgPool2d(1)
            self.add = Add()

        def forward(self, x):
            y = self.conv(x)
            return self.add(self.both(self.upper(y), self.other(x)), self.mean(y))

    found = owners(ReadTwice())
    assert (found["conv"], found["upper"], found["other"]) == ("conv", "conv", "both")


def test_a_joined_clip_has_the_qparams_of_what_joins_it():
    class Clipped(Shifted):
        def __init__(self) -> None:
            super().__init__(nn.Conv2d(3, 2, 1))
            self.clip = nn.ReLU()

        def forward(self, x):
            return self.both(self.clip(self.conv(x)), self.other(x))

    assert owners(Clipped()) == {"image": "image", "clip": "both", "other": "both", "both": "both"}


def test_a_result_with_fixed_qparams_neither_joins_nor_clips():
    class Gated(Shifted):
        def __init__(self) -> None:
            super().__init__(nn.Conv2d(3, 2, 1))
            self.gate, self.clip = nn.Sigmoid(), nn.ReLU()

        def forward(self, x):
            return self.both(self.clip(self.gate(self.conv(x))), self.other(x))

    network = traced(Gated())
    found = quantized_tensors(network)
    assert (found["conv"], found["gate"], found["clip"]) == ("conv", "gate", "both")
    for bits, scale in ((8, 1 / 256), (16, 1 / 32768)):
        qparams = assign_qparams(network, dict.fromkeys(set(found.values()), (-1.0, 2.0)), bits)["gate"]
        assert (qparams.scale, qparams.bits) == (scale, bits)
        assert qparams.low == (0 if bits == 8 else -1)


def test_only_one_input_is_an_image():
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.add = Add()

        def forward(self, left, right):
            return self.add(left, right)

    network = graph_of(Both(), torch.zeros(1, 3), torch.zeros(1, 3))
    assert quantized_tensors(network) == {name: name for name in ("input:left", "input:right", "add")}
    assert input_names(network) == {"input:left", "input:right"}


def test_a_clip_of_the_input_is_an_operator_of_its_own():
    assert owners(nn.ReLU(), nn.Conv2d(3, 4, 1)) == {name: name for name in ("image", "0", "1")}


def test_of_the_trained_example_every_tensor_is_rounded_once_and_its_owner_too():
    _, network = decomposed_digits()
    found = quantized_tensors(network)
    assert set(found.values()) <= set(found)
    assert all(found[owner] == owner for owner in found.values())
    before_clips = {tensor_name(node) for node in network.graph.nodes if clip_after(node) is not None}
    assert set(layer_names(network)) - set(found) == before_clips
