"""Batch norms fold into the layer before them, and only where that layer feeds nothing else."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from lowering.networks import (
    assert_once_is_enough,
    assert_untouched,
    count,
    layer,
    operators,
    rewritten,
    stem,
    traced,
)
from torch import nn

from micronet_edge.lowering.passes.fold_batch_norm import FoldBatchNorm

FOLD = FoldBatchNorm()


class ReadTwice(nn.Module):
    """conv is read by the norm and by the sum."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = stem(4), nn.BatchNorm2d(4)

    def forward(self, x):
        y = self.conv(x)
        return y + self.norm(y)


@given(
    width=st.integers(1, 4),
    groups=st.integers(1, 4),
    kernel_size=st.sampled_from([1, 3]),
    bias=st.booleans(),
    affine=st.booleans(),
)
def test_a_norm_behind_a_convolution_is_folded(width, groups, kernel_size, bias, affine):
    channels = width * groups
    conv = nn.Conv2d(channels, 2 * channels, kernel_size, groups=groups, bias=bias)
    norm = nn.BatchNorm2d(2 * channels, affine=affine)
    network, applied = rewritten(FOLD, traced(stem(channels), conv, norm))
    assert operators(network) == ["Conv2d", "Conv2d"]
    assert applied.places == 1
    folded = layer(network, nn.Conv2d, 1)
    assert folded.groups == groups
    assert folded.bias is not None
    assert_once_is_enough(FOLD, network)


@given(bias=st.booleans(), affine=st.booleans())
def test_a_norm_behind_a_linear_layer_is_folded(bias, affine):
    head = nn.Linear(4, 6, bias=bias), nn.BatchNorm1d(6, affine=affine)
    network, applied = rewritten(FOLD, traced(stem(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), *head))
    assert operators(network) == ["Conv2d", "AdaptiveAvgPool2d", "Flatten", "Linear"]
    assert applied.places == 1
    assert_once_is_enough(FOLD, network)


def test_the_settings_of_the_convolution_are_kept():
    conv = nn.Conv2d(3, 4, (3, 5), (2, 1), (1, 4), (1, 2), padding_mode="circular", bias=False)
    network, _ = rewritten(FOLD, traced(nn.ReLU(), conv, nn.BatchNorm2d(4)))
    folded = layer(network, nn.Conv2d)
    settings = ("kernel_size", "stride", "padding", "dilation", "padding_mode")
    assert [getattr(folded, name) for name in settings] == [getattr(conv, name) for name in settings]


def test_a_norm_of_tiny_variance_is_folded_exactly():
    network = traced(stem(4), nn.BatchNorm2d(4))
    layer(network, nn.BatchNorm2d).running_var.copy_(torch.tensor([0.0, 1e-8, 1e-5, 1.0]))
    _, applied = rewritten(FOLD, network)
    assert applied.places == 1


def test_two_norms_in_a_row_are_both_folded():
    network, applied = rewritten(FOLD, traced(stem(4), nn.BatchNorm2d(4), nn.BatchNorm2d(4)))
    assert operators(network) == ["Conv2d"]
    assert applied.places == 2
    assert_once_is_enough(FOLD, network)


def test_a_norm_behind_a_relu_stays():
    assert_untouched(FOLD, traced(stem(4), nn.ReLU(), nn.BatchNorm2d(4)))


def test_a_norm_at_the_input_stays():
    assert_untouched(FOLD, traced(nn.BatchNorm2d(3), stem(4)))


def test_a_norm_stays_whose_convolution_is_read_twice():
    assert_untouched(FOLD, traced(ReadTwice()))


def test_a_norm_without_statistics_of_its_own_stays():
    assert_untouched(FOLD, traced(stem(4), nn.BatchNorm2d(4, track_running_stats=False)))


def test_a_norm_over_another_axis_than_the_linear_layers_stays():
    class RowsAsFeatures(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.norm = nn.Linear(8, 3), nn.BatchNorm1d(3)

        def forward(self, x):
            return self.norm(self.linear(x.mean(2)))

    assert_untouched(FOLD, traced(RowsAsFeatures()))


def test_each_call_of_a_shared_layer_gets_its_own_norm():
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.conv = stem(4), nn.Conv2d(4, 4, 1)
            self.first, self.second = nn.BatchNorm2d(4), nn.BatchNorm2d(4)

        def forward(self, x):
            return self.second(self.conv(self.first(self.conv(self.stem(x)))))

    network, applied = rewritten(FOLD, traced(Shared()))
    assert applied.places == 2
    assert count(network, "Conv2d") == 3
