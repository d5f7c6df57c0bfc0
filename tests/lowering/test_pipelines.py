"""Whole pipelines: every variant and networks of one's own compute what they computed before."""

import copy

import pytest
import torch
from costs import ANY_BATCH, ONNXRUNTIME, PORTABLE, XNNPACK
from hypothesis import given, settings
from hypothesis import strategies as st
from lowering.networks import (
    Outputs,
    Residual,
    assert_same,
    count,
    difference,
    images,
    lively,
    micronet,
    operators,
    random_networks,
    reference_network,
    shift_max,
    stem,
)
from reference.authors import VARIANTS
from reference.fill import image
from torch import nn

from micronet_edge.lowering import apply, lower
from micronet_edge.lowering.ir.pass_base import SAME_NUMBERS, probe_image
from micronet_edge.lowering.ir.trace import trace
from micronet_edge.models import (
    ChannelShuffle,
    DynamicShiftMax,
    FactorizedStem,
    Features,
    GroupedPointwise,
    MicroFactorizedDepthwise,
    MicroFactorizedPointwise,
    find_variant,
)
from micronet_edge_onnx.passes.fuse_scale_and_offset import FuseScaleAndOffset

PIPELINES = {
    "onnxruntime": ONNXRUNTIME,
    "onnxruntime, any batch": ANY_BATCH,
    "portable": PORTABLE,
    "tflite": XNNPACK,
}
each_pipeline = pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)

TRAINING_FORMS = (DynamicShiftMax, ChannelShuffle, nn.BatchNorm1d, nn.BatchNorm2d, nn.Dropout, nn.Identity)


def assert_lowers(network, pipeline, size, batch=None, kept=()):
    """Lowered, the network is the same function, and in training form nothing is left but `kept`."""
    lowered = lower(network, pipeline, size).network
    assert difference(network, lowered, images(size) if batch is None else batch) <= SAME_NUMBERS
    forms = tuple(form for form in TRAINING_FORMS if form not in kept)
    assert not [module for module in lowered.modules() if isinstance(module, forms)]
    return lowered


@each_pipeline
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_lowers(variant, pipeline):
    assert_lowers(micronet(variant), pipeline, 224)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_lowers_with_the_reference_weights(variant):
    assert_lowers(reference_network(variant), XNNPACK, 64, torch.from_numpy(image(1, 1, 64)))


@each_pipeline
@pytest.mark.parametrize("size", [32, 96, 288])
def test_m0_lowers_at_other_sizes(size, pipeline):
    assert_lowers(micronet("m0"), pipeline, size)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_image_matters_to_these_networks_and_rounding_does_not(variant):
    """Else the tests above would show nothing."""
    network, batch = micronet(variant), images(96)
    with torch.no_grad():
        exact = copy.deepcopy(network).double()(batch.double())
        rounding = (network(batch) - exact).abs().max()
    assert rounding < 0.1 * SAME_NUMBERS * exact.abs().max()
    assert (exact[0] - exact[1]).abs().max() > 100 * SAME_NUMBERS * exact.abs().max()


def test_lowering_is_deterministic():
    first, second = (lower(micronet("m0"), XNNPACK, 32).network for _ in range(2))
    assert_same(first, second)


@each_pipeline
def test_every_rewrite_of_the_pipeline_gives_the_same_twice_as_once(pipeline):
    probe = probe_image(32)
    network = trace(micronet("m0"), 32)
    for pass_ in pipeline:
        network, _ = apply(pass_, network, probe)
        twice, applied = apply(pass_, network, probe)
        assert (applied.name, applied.places) == (pass_.name, 0)
        assert operators(twice) == operators(network)


class Handmade(nn.Module):
    """All layers of this package, J = 3, K = 3, odd group counts, and two layers it does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = FactorizedStem(3, (3, 5))
        self.activation = shift_max(15, 5, shifts=3, fusions=3)
        self.shuffle = ChannelShuffle(3)
        self.pool = nn.MaxPool2d(2)
        pointwise = MicroFactorizedPointwise(15, 9, 15, (3, 3))
        self.residual = Residual(pointwise, shift_max(15, 3, shifts=3, fusions=3), ChannelShuffle(5))
        self.unknown = nn.PReLU(15)
        self.depthwise = MicroFactorizedDepthwise(15, 5, stride=2, expansion=(2, 1))
        self.compress = GroupedPointwise(30, 21, 3)
        self.last = shift_max(21, 7, shifts=3, fusions=3)

    def forward(self, x):
        x = self.pool(self.shuffle(self.activation(self.stem(x))))
        x = self.unknown(self.residual(x))
        return self.last(self.compress(self.depthwise(x)))


@each_pipeline
@pytest.mark.parametrize("size", [32, 45])
def test_a_network_of_ones_own_lowers(pipeline, size):
    lowered = assert_lowers(lively(Handmade()), pipeline, size)
    assert count(lowered, "PReLU") == count(lowered, "MaxPool2d") == 1


@each_pipeline
def test_dynamic_relu_lowers(pipeline):
    body = GroupedPointwise(12, 12, 3), shift_max(12, 3, shifts=1, fusions=2), ChannelShuffle(3)
    tail = GroupedPointwise(12, 12, 4), shift_max(12, 4, shifts=1, fusions=1), ChannelShuffle(4)
    lowered = assert_lowers(lively(nn.Sequential(stem(12, 3), *body, *tail)), pipeline, 16)
    assert count(lowered, "Reorder") <= 1  # the last shuffle ends at the output


@each_pipeline
def test_a_backbone_alone_lowers(pipeline):
    assert_lowers(lively(Features(find_variant("m0"))), pipeline, 64)


@each_pipeline
@pytest.mark.parametrize("pack", [list, tuple, lambda maps: {f"p{n}": y for n, y in enumerate(maps)}])
def test_a_backbone_of_several_feature_maps_lowers(pipeline, pack):
    class Backbone(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = Features(find_variant("m0"))

        def forward(self, x):
            maps = []
            for stage in self.features:
                x = stage(x)
                maps.append(x)
            return pack(maps[2:5])

    network = lively(Backbone())
    lowered = assert_lowers(network, pipeline, 64)
    assert len(lowered(images(64))) == len(network(images(64)))


@each_pipeline
def test_a_layer_called_twice_lowers(pipeline):
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = stem(12)
            self.block = nn.Sequential(GroupedPointwise(12, 12, 3), shift_max(12, 3), ChannelShuffle(3))

        def forward(self, x):
            x = self.block(self.stem(x))
            return x + self.block(nn.functional.relu(x))

    assert_lowers(lively(Shared()), pipeline, 16)


@each_pipeline
def test_a_shift_max_whose_input_another_layer_reads_lowers(pipeline):
    class ReadTwice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.activation = GroupedPointwise(3, 12, 3), shift_max(12, 3, shifts=3)
            self.second = GroupedPointwise(12, 6, 2)

        def forward(self, x):
            y = self.first(x)
            return self.second(self.activation(y)) + self.second(y)

    assert_lowers(lively(ReadTwice()), pipeline, 16)


@each_pipeline
def test_a_norm_that_has_nothing_to_fold_into_is_a_product_and_a_sum(pipeline):
    network = lively(nn.Sequential(stem(6), nn.ReLU(), nn.BatchNorm2d(6), shift_max(6, 2)))
    fuses = any(isinstance(each, FuseScaleAndOffset) for each in pipeline)
    lowered = assert_lowers(network, pipeline, 8, kept=(nn.BatchNorm2d,) if fuses else ())
    names = {str(node.target) for node in lowered.graph.nodes if str(node.target).startswith("2/")}
    assert names == ({"2/shifted"} if fuses else {"2/scaled", "2/shifted"})


@each_pipeline
def test_a_norm_behind_another_lowers(pipeline):
    assert_lowers(lively(nn.Sequential(GroupedPointwise(3, 6, 3), nn.BatchNorm2d(6))), pipeline, 8)


@each_pipeline
def test_a_feature_map_that_no_known_layer_makes_keeps_its_order(pipeline):
    network = Outputs(nn.Sequential(stem(24), nn.PReLU(24)), *[shift_max(24, 8, 4) for _ in range(3)])
    assert_lowers(lively(network), pipeline, 8)


def test_lowered_networks_call_layers_by_their_trained_names():
    lowered = lower(micronet("m0"), XNNPACK, 32).network
    called = [node.target for node in lowered.graph.nodes if node.op == "call_module"]
    assert len(called) == len(set(called))
    assert {"features/block1/project/conv", "classifier/logits/linear"} <= set(called)


@settings(max_examples=30)
@given(network=random_networks(), size=st.integers(5, 17), name=st.sampled_from(list(PIPELINES)))
def test_networks_of_random_layers_lower(network, size, name):
    # A norm that happens to stand behind no convolution stays where it is.
    assert_lowers(network, PIPELINES[name], size, kept=(nn.BatchNorm1d, nn.BatchNorm2d))
