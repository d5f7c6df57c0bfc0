"""Dynamic Shift-Max in its final forms: slices, slices with separate gates, or a Gather."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lowering.networks import (
    FREE_WORK,
    NO_COPIES,
    assert_once_is_enough,
    assert_untouched,
    layer,
    operators,
    rewritten,
    shift_max,
    stem,
    traced,
)
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from micronet_edge.lowering.ir.channel_order import segments
from micronet_edge.lowering.ir.frozen_shift_max import FrozenShiftMax
from micronet_edge.lowering.passes.freeze_shift_max import FreezeShiftMax
from micronet_edge.lowering.passes.permute_channels import PermuteChannels
from micronet_edge.lowering.passes.widen_producers import WidenProducers
from micronet_edge_onnx.passes.unroll_shift_max import (
    GatheredShiftMax,
    SlicedShiftMax,
    UnrollShiftMax,
)

FORMS = (SlicedShiftMax, GatheredShiftMax)
each_form = pytest.mark.parametrize("form", FORMS)


class Recorder(TorchDispatchMode):
    """Counts what is computed, and slices of the channel axis that leave channels out."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: Counter[str] = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        del types
        result = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__
        if name != "slice" or result.shape[1] != args[0].shape[1]:
            self.calls[name] += 1
        return result


def recorded(activation):
    with torch.no_grad(), Recorder() as recorder:
        activation(torch.randn(1, activation.squeeze.in_channels, 4, 4))
    return recorder.calls


def frozen(*layers):
    return rewritten(FreezeShiftMax(), traced(*layers))[0]


@each_form
@settings(max_examples=30)
@given(
    groups=st.integers(1, 5),
    width=st.integers(1, 5),
    shifts=st.integers(1, 4),
    fusions=st.integers(1, 3),
    behind=st.booleans(),
)
def test_unrolled_is_the_same(form, groups, width, shifts, fusions, behind):
    channels = groups * width
    before = frozen(stem(channels), *[nn.ReLU()] * behind, shift_max(channels, groups, shifts, fusions))
    network, applied = rewritten(UnrollShiftMax(form), before)
    assert applied.places == 1
    assert type(layer(network, FrozenShiftMax)) is form
    assert_once_is_enough(UnrollShiftMax(form), network)


@each_form
@pytest.mark.parametrize("widened", [False, True])
def test_a_relabelled_and_widened_one_is_the_same(form, widened):
    before, _ = rewritten(PermuteChannels(NO_COPIES), frozen(stem(12), shift_max(12, 4, 3), nn.PReLU(12)))
    if widened:
        before, _ = rewritten(WidenProducers(FREE_WORK), before)
    rewritten(UnrollShiftMax(form), before)


@each_form
def test_maxima_and_sums_are_as_many_as_fusions_and_shifts(form):
    network, _ = rewritten(UnrollShiftMax(form), frozen(stem(12), shift_max(12, 4, shifts=3, fusions=2)))
    calls = recorded(layer(network, form))
    assert calls["maximum"] == 1
    assert calls["mul"] == 3 * 2


@pytest.mark.parametrize("shifts", [1, 2, 3])
def test_slices_are_the_segments_of_the_shifts(shifts):
    network, _ = rewritten(UnrollShiftMax(SlicedShiftMax), frozen(stem(12), shift_max(12, 3, shifts)))
    activation = layer(network, SlicedShiftMax)
    pieces = [len(segments(np.array(source))) for source in activation.sources]
    calls = recorded(activation)
    assert calls["slice"] == sum(count for count in pieces if count > 1)
    assert calls["cat"] == sum(count > 1 for count in pieces)
    assert calls["index_select"] == 0


@pytest.mark.parametrize("shifts", [1, 2, 3])
def test_a_gather_takes_the_place_of_each_scattered_shift(shifts):
    network, _ = rewritten(UnrollShiftMax(GatheredShiftMax), frozen(stem(12), shift_max(12, 3, shifts)))
    calls = recorded(layer(network, GatheredShiftMax))
    assert calls["index_select"] == shifts - 1
    assert calls["cat"] == calls["slice"] == 0


@pytest.mark.parametrize("form", [SlicedShiftMax, GatheredShiftMax])
def test_a_widened_shift_is_one_slice(form):
    before, _ = rewritten(WidenProducers(FREE_WORK), frozen(stem(12), shift_max(12, 3)))
    network, _ = rewritten(UnrollShiftMax(form), before)
    with torch.no_grad(), Recorder() as recorder:
        layer(network, form)(torch.randn(1, layer(network, nn.Conv2d).out_channels, 4, 4))
    assert recorder.calls["slice"] == 2
    assert recorder.calls["cat"] == recorder.calls["index_select"] == 0


@each_form
def test_other_layers_stay(form):
    assert_untouched(UnrollShiftMax(form), traced(stem(4), nn.ReLU()))


def test_the_form_is_one_layer_of_the_graph():
    network, _ = rewritten(UnrollShiftMax(SlicedShiftMax), frozen(stem(4), shift_max(4, 2), stem_like(4)))
    assert operators(network) == ["Conv2d", "SlicedShiftMax", "Conv2d"]


def stem_like(channels):
    return nn.Conv2d(channels, channels, 1)
