"""Composite layers are decomposed in layers of one operator each, and compute what they computed."""

from collections import Counter
from dataclasses import replace

import pytest
import torch
from costs import XNNPACK_COSTS
from hypothesis import given, settings
from hypothesis import strategies as st
from lowering.networks import (
    FREE_WORK,
    Outputs,
    Residual,
    assert_once_is_enough,
    assert_untouched,
    difference,
    images,
    layer,
    micronet,
    operators,
    rewritten,
    shift_max,
    stem,
    traced,
)
from reference.authors import VARIANTS
from torch import nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering import INTEGER, apply, lower
from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS
from micronet_edge.lowering.ir.convolutions import BorderedConv
from micronet_edge.lowering.ir.frozen_shift_max import FrozenShiftMax
from micronet_edge.lowering.ir.graph_builder import LAYER
from micronet_edge.lowering.ir.pass_base import SAME_NUMBERS, probe_image
from micronet_edge.lowering.ir.primitives import AddConstant, DynamicPointwiseWeight
from micronet_edge.lowering.ir.reorder import GatheredReorder
from micronet_edge.lowering.passes.decompose import Decompose
from micronet_edge.lowering.passes.freeze_shift_max import FreezeShiftMax
from micronet_edge.lowering.passes.merge_factorized_convolution import MergeFactorizedConvolution
from micronet_edge.lowering.passes.widen_producers import WidenProducers

# Costs under which every fusion is a product with a matrix, or none is.
MATRIX = Decompose(replace(INTEGER_COSTS, fusion_ns=1e9))
ELEMENTWISE = Decompose(replace(INTEGER_COSTS, fusion_ns=0.0))
FORMS = {"matrix": MATRIX, "elementwise": ELEMENTWISE}
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def frozen(*layers, size=8):
    network, _ = rewritten(FreezeShiftMax(), traced(*layers, size=size), size)
    return network


def factorized(outputs=6, kernel_size=3, size=8):
    """A convolution whose bias depends on the column."""
    half = kernel_size // 2
    vertical = nn.Conv2d(3, 3, (kernel_size, 1), (2, 1), (half, 0), groups=3)
    horizontal = nn.Conv2d(3, outputs, (1, kernel_size), (1, 2), (0, half), groups=3)
    network, _ = rewritten(MergeFactorizedConvolution(), traced(vertical, horizontal, size=size), size)
    return network


# --- Dynamic Shift-Max


@settings(max_examples=40)
@given(
    groups=st.integers(1, 5),
    width=st.integers(1, 4),
    shifts=st.integers(1, 4),
    fusions=st.integers(1, 2),
    size=st.integers(1, 9),
)
def test_shift_max_element_by_element(groups, width, shifts, fusions, size):
    channels = groups * width
    before = frozen(stem(channels), shift_max(channels, groups, shifts, fusions), size=size)
    network, applied = rewritten(ELEMENTWISE, before, size)
    assert applied.places == 1
    found = Counter(operators(network))
    coefficients = shifts * fusions
    moved = {name: found.pop(name, 0) for name in ("Channels", "Concatenate")}
    assert found == +Counter(
        Conv2d=2 + coefficients,
        AdaptiveAvgPool2d=1,
        ReLU=1,
        Hardtanh=coefficients,
        Multiply=coefficients,
        Add=(shifts - 1) * fusions,
        Maximum=fusions - 1,
    )
    assert moved["Concatenate"] <= shifts - 1  # the input itself is the first
    assert_once_is_enough(ELEMENTWISE, network, size)


@settings(max_examples=40)
@given(
    groups=st.integers(2, 5),
    width=st.integers(1, 4),
    shifts=st.integers(2, 4),
    fusions=st.integers(1, 2),
    size=st.integers(1, 9),
)
def test_shift_max_as_a_product_with_a_matrix(groups, width, shifts, fusions, size):
    channels = groups * width
    before = frozen(stem(channels), shift_max(channels, groups, shifts, fusions), size=size)
    network, applied = rewritten(MATRIX, before, size)
    assert applied.places == 1
    found = operators(network)
    if "DynamicPointwise" in found:
        assert found.count("DynamicPointwise") == found.count("DynamicPointwiseWeight") == fusions
        assert not {"Multiply", "Add", "Channels", "Concatenate"} & set(found)
    else:  # an output that takes one input twice has no place in a matrix
        sources = zip(*layer(before, FrozenShiftMax).sources, strict=True)
        assert any(len(set(inputs)) < shifts for inputs in sources)
    assert found.count("Hardtanh") == shifts * fusions
    assert found.count("Maximum") == fusions - 1
    assert_once_is_enough(MATRIX, network, size)


def test_each_place_of_the_matrix_holds_the_coefficient_of_its_source():
    network, _ = rewritten(MATRIX, frozen(stem(6), shift_max(6, 3)))
    matrix = layer(network, DynamicPointwiseWeight)
    columns = [torch.full((1, 6, 1, 1), float(10 + j)) for j in range(2)]
    placed = matrix(*columns)
    for j, source in enumerate(matrix.sources):
        for output, channel in enumerate(source):
            assert placed[0, channel, 0, output] == 10 + j
    assert int((placed != 0).sum()) == 2 * 6


def test_without_a_shift_there_is_nothing_to_mix():
    network, _ = rewritten(MATRIX, frozen(stem(6), shift_max(6, 3, shifts=1)))
    assert "DynamicPointwise" not in operators(network)


def test_a_runtime_that_gathers_gets_each_shifted_input_by_one_gather():
    before = frozen(stem(12), shift_max(12, 4, shifts=3))
    network, _ = rewritten(Decompose(replace(INTEGER_COSTS, gathers=True, fusion_ns=0.0)), before)
    found = Counter(operators(network))
    assert found["GatheredReorder"] == 2
    assert not found.keys() & {"Channels", "Concatenate"}
    orders = [module.index.tolist() for module in network.modules() if isinstance(module, GatheredReorder)]
    (activation,) = (module for module in before.modules() if isinstance(module, FrozenShiftMax))
    assert orders == [list(source) for source in activation.sources[1:]]


@each_form
def test_shift_max_of_a_widened_input(form):
    before, applied = rewritten(WidenProducers(FREE_WORK), frozen(stem(12), shift_max(12, 3)))
    assert applied.places == 1
    network, _ = rewritten(form, before)
    found = operators(network)
    assert "Concatenate" not in found
    assert ("DynamicPointwise" in found) == (form is MATRIX)


@each_form
def test_shift_max_behind_a_layer_that_takes_no_scale(form):
    rewritten(form, frozen(stem(6), nn.ReLU(), shift_max(6, 2)))


@each_form
def test_more_than_two_fusions_are_refused(form, refusal):
    network = frozen(stem(6), shift_max(6, 3, fusions=3))
    assert "3 fusions" in refusal(LoweringError, apply, form, network, probe_image(8))


@pytest.mark.parametrize("push", [-100.0, 100.0])
@each_form
def test_saturated_coefficients_stay_what_they_are(form, push):
    before = traced(stem(6), shift_max(6, 3))
    nn.init.constant_(before.get_submodule("1").excite.bias, push)
    network, _ = rewritten(FreezeShiftMax(), before)
    rewritten(form, network)


# --- The other composite layers


@settings(max_examples=20)
@given(width=st.integers(1, 3), kernel_size=st.sampled_from([3, 5]), size=st.integers(8, 17))
def test_a_bordered_convolution(width, kernel_size, size):
    before = factorized(3 * width, kernel_size, size)
    assert operators(before) == ["BorderedConv"]
    network, applied = rewritten(ELEMENTWISE, before, size)
    assert applied.places == 1
    assert operators(network) == ["Conv2d", "AddConstant"]
    border = layer(network, AddConstant).constant
    assert not border[..., border.shape[-1] // 2].any()  # the convolution's own bias
    assert_once_is_enough(ELEMENTWISE, network, size)


def test_a_border_that_is_none_leaves_a_plain_convolution():
    before = factorized()
    layer(before, BorderedConv).bias_map.fill_(0.5)
    network, _ = rewritten(ELEMENTWISE, before)
    assert operators(network) == ["Conv2d"]


@settings(max_examples=6)
@given(channels=st.integers(1, 6))
def test_a_hard_swish(channels):
    network, applied = rewritten(ELEMENTWISE, traced(stem(channels), nn.Hardswish()))
    assert applied.places == 1
    assert operators(network) == ["Conv2d", "AddConstant", "ReLU6", "Multiply", "MultiplyConstant"]
    assert_once_is_enough(ELEMENTWISE, network)


def test_a_layer_that_a_target_keeps_stays_whole():
    keeping = Decompose(INTEGER_COSTS, keeps=(nn.Hardswish,))
    assert_untouched(keeping, traced(stem(4), nn.Hardswish()))
    network, _ = rewritten(keeping, frozen(stem(6), shift_max(6, 3), nn.Hardswish()))
    assert Counter(operators(network))["Hardswish"] == 1
    assert "FrozenShiftMax" not in operators(network)


@settings(max_examples=6)
@given(channels=st.integers(1, 6))
def test_a_sum(channels):
    body = Residual(nn.Conv2d(channels, channels, 1), nn.ReLU())
    network, applied = rewritten(ELEMENTWISE, traced(stem(channels), body))
    assert applied.places == 1
    assert operators(network) == ["Conv2d", "Conv2d", "ReLU", "Add"]
    assert_once_is_enough(ELEMENTWISE, network)


@settings(max_examples=6)
@given(channels=st.integers(1, 6))
def test_a_product(channels):
    network, applied = rewritten(ELEMENTWISE, traced(stem(channels), Weighed(channels)))
    assert applied.places == 1
    assert operators(network) == ["Conv2d", "AdaptiveAvgPool2d", "Conv2d", "Multiply"]
    assert_once_is_enough(ELEMENTWISE, network)


def test_products_of_one_block_are_layers_of_their_own():
    network, applied = rewritten(ELEMENTWISE, traced(stem(4), nn.Sequential(Weighed(4), Weighed(4))))
    assert applied.places == 2
    names = [str(node.target) for node in network.graph.nodes if node.op == "call_module"]
    assert len(set(names)) == len(names)


def test_a_flatten():
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.linear = stem(4), nn.Linear(4 * 8 * 8, 3)

        def forward(self, x):
            return self.linear(self.conv(x).flatten(1))

    network, applied = rewritten(ELEMENTWISE, traced(Flat()))
    assert applied.places == 1
    assert operators(network) == ["Conv2d", "Flatten", "Linear"]
    assert_once_is_enough(ELEMENTWISE, network)


def test_a_flatten_that_makes_no_rows_stays():
    class Pixels(nn.Module):
        """Rows of pixels, as attention takes them."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = stem(4)

        def forward(self, x):
            return self.conv(x).flatten(2).transpose(1, 2)

    assert_untouched(Decompose(XNNPACK_COSTS, rounded=False), traced(Pixels()))


def test_several_outputs_are_all_replaced():
    network, _ = rewritten(ELEMENTWISE, traced(Outputs(stem(4), nn.Hardswish(), Residual(nn.ReLU()))))
    assert {"Hardswish", "add"}.isdisjoint(operators(network))


# --- What it keeps and what it refuses


@each_form
def test_other_layers_stay(form):
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    assert_untouched(form, traced(stem(4), nn.ReLU6(), nn.PReLU(4), nn.MaxPool2d(2), *head))


class Doubled(nn.Module):
    """x + x."""

    def forward(self, x):
        return x + x


class Lifted(nn.Module):
    """x + 1."""

    def forward(self, x):
        return x + 1


class Tripled(nn.Module):
    """x * 3."""

    def forward(self, x):
        return x * 3


class Squared(nn.Module):
    """x * x."""

    def forward(self, x):
        return x * x


class Weighed(nn.Module):
    """Every channel times a number that the means of all channels give."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean, self.excite = nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return self.excite(self.mean(x)) * x


def test_a_tensor_added_to_itself():
    network, _ = rewritten(ELEMENTWISE, traced(stem(4), Doubled()))
    assert operators(network) == ["Conv2d", "Add"]


def test_a_tensor_multiplied_by_itself():
    network, _ = rewritten(ELEMENTWISE, traced(stem(4), Squared()))
    assert operators(network) == ["Conv2d", "Multiply"]


@pytest.mark.parametrize("odd", [Lifted(), Tripled()], ids=["x + 1", "x * 3"])
def test_what_is_no_layer_is_refused_by_name(odd, refusal):
    error_line = refusal(LoweringError, apply, ELEMENTWISE, traced(stem(4), odd), probe_image(8))
    assert error_line.startswith("Decompose: ")
    assert error_line.endswith(" is no layer")


@each_form
def test_every_operator_remembers_its_layer(form):
    network, _ = rewritten(form, frozen(stem(6), shift_max(6, 3), nn.Hardswish()))
    remembered = {str(node.target): node.meta.get(LAYER) for node in network.graph.nodes}
    assert remembered["0"] is None  # it was one operator all along
    for name, given_layer in remembered.items():
        if "/" in name:
            assert given_layer == name.split("/")[0]


# --- The pipeline for integers


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_integer_pipeline_leaves_nothing_but_layers(variant):
    network, size = micronet(variant), 64
    lowered = lower(network, INTEGER, size).network
    assert difference(network, lowered, images(size)) <= SAME_NUMBERS
    assert {node.op for node in lowered.graph.nodes} == {"placeholder", "call_module", "output"}
    called = [node.target for node in lowered.graph.nodes if node.op == "call_module"]
    assert len(set(called)) == len(called)  # a name tells one tensor
    assert {"BorderedConv", "FrozenShiftMax", "Hardswish"}.isdisjoint(operators(lowered))
    assert {"DynamicPointwise", "Multiply"} <= set(operators(lowered))  # each form where it is the faster
