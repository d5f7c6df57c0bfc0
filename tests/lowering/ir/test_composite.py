"""A decomposed activation stays one composite, whole, whatever its layer is called and whatever passes do."""

import copy
from collections import OrderedDict
from dataclasses import replace

import pytest
from costs import XNNPACK, XNNPACK_COSTS
from lowering.networks import (
    ReadTwice,
    images,
    lively,
    micronet,
    operators,
    rewritten,
    shift_max,
    stem,
    traced,
)
from torch import nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering import INTEGER, lower
from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS
from micronet_edge.lowering.ir.composite import (
    COMPOSITE,
    PartWriter,
    Role,
    ShiftMax,
    check_composites,
    part_of,
    regions,
)
from micronet_edge.lowering.ir.graph import calls, finish, module_of
from micronet_edge.lowering.ir.pass_base import Pass, apply, probe_image
from micronet_edge.lowering.ir.primitives import Add, Channels, DynamicPointwiseWeight
from micronet_edge.lowering.passes.decompose import Decompose
from micronet_edge.lowering.passes.freeze_shift_max import FreezeShiftMax
from micronet_edge.lowering.passes.space_to_depth_width import SpaceToDepthWidth
from micronet_edge.lowering.passes.split_positive_negative import SplitPositiveNegative
from micronet_edge.lowering.passes.split_relu6_range import SplitRelu6Range
from micronet_edge_onnx.passes.border_behind_columns import BorderBehindColumns
from micronet_edge_onnx.passes.factorize_spatial_convolution import FactorizeSpatialConvolution
from micronet_edge_onnx.passes.pad_channels_to_block import PadChannelsToBlock
from micronet_edge_tflite.passes.split_borders import SplitBorders

FORMS = {
    "matrix": Decompose(replace(INTEGER_COSTS, fusion_ns=1e9)),
    "elementwise": Decompose(replace(INTEGER_COSTS, fusion_ns=0.0)),
    "float": Decompose(XNNPACK_COSTS, rounded=False),
}
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def decomposed(form=FORMS["elementwise"], name="act", behind=(), **settings):
    layers = OrderedDict(first=stem(12), **{name: shift_max(12, 4, **settings)})
    layers.update({f"behind{number}": layer for number, layer in enumerate(behind)})
    frozen, _ = rewritten(FreezeShiftMax(), traced(lively(nn.Sequential(layers))))
    return rewritten(form, frozen)[0]


@each_form
@pytest.mark.parametrize("name", ["act", "features_block1_project_activation", "0"])
@pytest.mark.parametrize(("shifts", "fusions"), [(1, 1), (2, 1), (2, 2), (3, 2)])
def test_an_activation_of_any_name_is_one_composite(form, name, shifts, fusions):
    network = decomposed(form, name, shifts=shifts, fusions=fusions)
    (region,) = regions(network)
    assert region.composite.layer == name
    assert (region.composite.shifts, region.composite.fusions) == (shifts, fusions)
    first, *inner, _ = network.graph.nodes
    assert region.x is inner[0]
    assert list(region.nodes) == inner[1:]
    assert region.result is inner[-1]
    assert first.op == "placeholder"
    assert isinstance(module_of(region.squeezed), nn.ReLU)
    assert len({node for row in region.coefficients for node in row}) == shifts * fusions


def test_an_activation_called_twice_is_two_composites():
    shared = shift_max(12, 4)
    frozen, _ = rewritten(FreezeShiftMax(), traced(stem(12), shared, shared))
    network, _ = rewritten(FORMS["matrix"], frozen)
    first, second = regions(network)
    assert second.x is first.result
    assert first.composite.layer != second.composite.layer


def test_what_an_activation_reads_may_be_read_elsewhere():
    frozen, _ = rewritten(FreezeShiftMax(), traced(lively(ReadTwice())))
    (region,) = regions(rewritten(FORMS["elementwise"], frozen)[0])
    assert region.composite.layer == "activation"


# --- After every pass that changes decomposed networks

PASSES = {
    "borders": BorderBehindColumns(frozenset()),
    "windows": FactorizeSpatialConvolution(frozenset()),
    "blocks": PadChannelsToBlock(8),
    "pixels": SpaceToDepthWidth(),
    "split borders": SplitBorders(),
    "saturation": SplitRelu6Range(),
    "signs": SplitPositiveNegative(),
}


@pytest.fixture(scope="module")
def family():
    return {variant: lower(micronet(variant), INTEGER, 64).network for variant in ("m0", "m3")}


@pytest.mark.parametrize("change", PASSES.values(), ids=PASSES)
@pytest.mark.parametrize(("variant", "activations"), [("m0", 15), ("m3", 11)])
def test_composites_stay_whole(family, variant, activations, change):
    before = family[variant]
    after, _ = apply(change, before, probe_image(64))
    assert [region.composite for region in regions(after)] == [region.composite for region in regions(before)]
    assert len(regions(after)) == activations
    check_composites(before, after, images(64))


def test_in_float_they_are_whole_as_well():
    network = lower(micronet("m0"), XNNPACK, 64).network
    assert len(regions(network)) == 15
    check_composites(network, network, images(64))


# --- What passes must not do


class Harm(Pass):
    """Does something to a network that changes none of its numbers, or with which it no longer runs."""

    def __init__(self, harm):
        self.harm = harm

    def change(self, network):
        self.harm(network, regions(network)[0])
        return 1

    def check_after(self, network):
        pass


def unmark(_network, region):
    for node in region.nodes:
        del node.meta[COMPOSITE]


def unmark_a_coefficient(_network, region):
    del region.coefficient(1, 0).meta[COMPOSITE]


def read_inside(network, region):
    """The result plus twice a product, less the product: read from outside."""
    (end,) = (node for node in network.graph.nodes if node.op == "output")
    network.add_module("more", Add())
    with network.graph.inserting_before(end):
        network.graph.call_module("more", (region.coefficient(0, 0), region.coefficient(0, 0)))


def read_another(network, region):
    """A product of what another tensor says."""
    product = next(node for node in region.applying if region.x in node.all_input_nodes)
    network.add_module("same", nn.Identity())
    with network.graph.inserting_before(product):
        same = network.graph.call_module("same", (region.x,))
    product.replace_input_with(region.x, same)


HARMS = {
    unmark: "act is lost",
    unmark_a_coefficient: "act has 0 nodes of coefficient (1, 0)",
    read_inside: "is read outside of it",
    read_another: "act reads 2 tensors, not one",
}


@pytest.mark.parametrize(("harm", "said"), HARMS.items(), ids=[harm.__name__ for harm in HARMS])
def test_a_pass_that_harms_a_composite_is_refused(harm, said, refusal):
    error_line = refusal(LoweringError, apply, Harm(harm), decomposed(), probe_image(8))
    assert error_line.startswith("Harm: ")
    assert said in error_line


@each_form
def test_a_decomposition_that_computes_something_else_is_found(form, refusal):
    before = decomposed(form)
    after = copy.deepcopy(before)
    if matrices := list(calls(after, DynamicPointwiseWeight)):
        matrices[0][1].masks.copy_(matrices[0][1].masks.flip(1))
    else:
        _, moved = next((node, layer) for node, layer in calls(after, Channels) if "shift1" in node.target)
        width = moved.stop - moved.start
        moved.start = (moved.start + 1) % (12 - width)
        moved.stop = moved.start + width
    assert "act computes something else" in refusal(LoweringError, check_composites, before, after, images(8))


def test_what_is_written_as_a_part_belongs_to_it():
    network = decomposed()
    (region,) = regions(network)
    composite = ShiftMax("other", ((0,),), 1)
    write = PartWriter(network, region.result, composite)
    node = write.part(Role.APPLIES, "shift0", Channels(0, 1), region.x)
    assert part_of(node).composite == composite
    assert node.target == "other/shift0"
    network.graph.erase_node(node)
    finish(network)
    assert len(regions(network)) == 1


# --- What is none


class Excited(nn.Module):
    """Squeeze-and-excite as it is mostly written, its factor a convolution of one pixel and a clip."""

    def __init__(self, channels):
        super().__init__()
        self.mean, self.squeeze, self.rectify = nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, 4, 1), nn.ReLU()
        self.excite, self.clip = nn.Conv2d(4, channels, 1), nn.Hardtanh(0.0, 1.0)

    def forward(self, x):
        return x * self.clip(self.excite(self.rectify(self.squeeze(self.mean(x)))))


def test_squeeze_and_excite_is_no_activation():
    network, _ = rewritten(FORMS["elementwise"], traced(lively(nn.Sequential(stem(12), Excited(12)))))
    assert operators(network)[-1] == "Multiply"
    assert regions(network) == ()


def test_a_sum_behind_an_activation_is_no_part_of_it():
    frozen, _ = rewritten(FreezeShiftMax(), traced(lively(ReadTwice())))
    network, _ = rewritten(FORMS["elementwise"], frozen)
    (added,) = [node for node in network.graph.nodes if str(node.target) == "activation/residual"]
    assert part_of(added) is None
