"""The simulation of half-up arithmetic gives the integers of the arithmetic, to the bit, tensor by tensor."""

import copy
from dataclasses import replace
from fractions import Fraction
from functools import cache
from operator import add, mul

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lowering.networks import Residual, lively, shift_max, stem
from quantization.integer_interpreter import Interpreter
from quantization.networks import images, quantized
from reference.authors import VARIANTS
from torch import nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering import lower
from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS
from micronet_edge.lowering.ir.composite import regions
from micronet_edge.lowering.ir.frozen_shift_max import RELU6_SPAN
from micronet_edge.lowering.passes.canonicalize import Canonicalize
from micronet_edge.lowering.passes.decompose import Decompose
from micronet_edge.lowering.passes.fold_batch_norm import FoldBatchNorm
from micronet_edge.lowering.passes.freeze_shift_max import FreezeShiftMax
from micronet_edge.lowering.passes.permute_channels import PermuteChannels
from micronet_edge.models import ChannelShuffle, DynamicShiftMax
from micronet_edge.models.random_weights import random_network
from micronet_edge.quantization.half_up_constants import has_table, matrix_constants
from micronet_edge.quantization.half_up_shift_max import TOP, shift_max_constants
from micronet_edge.quantization.qparams import BIAS_LIMIT, QuantParams
from micronet_edge.quantization.quantize_network import corrected_biases, with_tensors
from micronet_edge.quantization.quantized_tensors import is_clip, is_done_before, tensor_name
from micronet_edge.quantization.sensitivity import analyze
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.quantization.simulate_half_up import with_half_up
from micronet_edge_c.passes.clip_before_shuffle import ClipBeforeShuffle

SIZE, NETWORK_SIZE = 8, 64
GATHERING = replace(INTEGER_COSTS, gathers=True, fusion_ns=0.0)
WHOLE = (Canonicalize(), FoldBatchNorm(), ClipBeforeShuffle(), FreezeShiftMax())
PIPELINE = (*WHOLE, Decompose(GATHERING, keeps=(nn.Hardswish,)))
REORDERED = (*WHOLE, PermuteChannels(INTEGER_COSTS), Decompose(INTEGER_COSTS))


def half_up(network, pipeline=PIPELINE, given_images=None):
    given_images = images() if given_images is None else given_images
    lowered = lower(network, pipeline, given_images.shape[-1]).network
    return with_half_up(quantized(lowered, given=given_images))


def small(*layers, pipeline=PIPELINE):
    return half_up(lively(nn.Sequential(*layers)).eval(), pipeline)


@cache
def whole(variant):
    given_images = images(4, NETWORK_SIZE).clamp(-2, 2)
    return half_up(random_network(variant, 10, given_images), given_images=given_images), given_images


def integers(found, node, value):
    """The integers of a dequantized tensor, which must stand for integers."""
    qparams = found.tensor_qparams[tensor_name(node)]
    levels = value.double().numpy() / qparams.scale + qparams.zero_point
    assert np.abs(levels - levels.round()).max() < 1e-2, node.target  # float32 holds 16 bits so well
    return levels.round().astype(np.int64)


def compare(found, given_images):
    """Every tensor of the simulation is that of the interpreter; returns how many were compared."""
    interpreter, expected, compared = Interpreter(found), None, 0
    with torch.no_grad():
        for node, value in Simulation(found).tensors(given_images):
            if node.op == "placeholder":
                expected = interpreter.tensors(integers(found, node, value))
            if interpreter.compared(node):
                assert np.array_equal(integers(found, node, value), expected[node]), node.target
                compared += 1
    return compared


class Joined(nn.Module):
    """The sum or product of what two branches give."""

    def __init__(self, how, first, second, last=None):
        super().__init__()
        self.how, self.first, self.second = how, first, second
        self.last = nn.Identity() if last is None else last

    def forward(self, x):
        return self.last(self.how(self.first(x), self.second(x)))


def excite(channels):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1), nn.Hardsigmoid())


NETWORKS = {
    "convolution": (nn.Conv2d(3, 6, 3, (2, 1), 1), nn.Conv2d(6, 4, (1, 3), padding=(0, 1))),
    "no bias": (nn.Conv2d(3, 6, 3, bias=False),),
    "clips": (stem(6), nn.ReLU(), nn.Conv2d(6, 6, 3, groups=3), nn.ReLU6(), nn.Conv2d(6, 4, 1)),
    "hard clip": (stem(6), nn.Hardtanh(-0.37, 0.61), nn.Conv2d(6, 4, 1), nn.ReLU()),
    "depthwise": (stem(6), nn.Conv2d(6, 12, (3, 1), (2, 1), (1, 0), groups=6), ChannelShuffle(4)),
    "shuffle": (stem(12), ChannelShuffle(3), nn.Conv2d(12, 8, 1, groups=4)),
    "hard swish": (stem(6), nn.Hardswish(), nn.Conv2d(6, 4, 1), nn.Hardswish()),
    "functions": (stem(6), nn.SiLU(), nn.Conv2d(6, 4, 1), nn.Tanh(), nn.LeakyReLU(0.3), nn.GELU()),
    "classifier": (stem(6), nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(6, 5)),
    "two layers": (
        stem(6),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(1),
        nn.Linear(6, 9),
        nn.ReLU(),
        nn.Linear(9, 5),
    ),
    "mean behind a clip": (stem(6), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.ReLU(), nn.Flatten(1)),
    "residual": (stem(6), Residual(nn.Conv2d(6, 6, 1), nn.ReLU())),
    "residual behind a clip": (Joined(add, stem(6), stem(6), nn.ReLU6()),),
    "uneven residual": (Joined(add, nn.Sequential(stem(6), nn.Hardtanh(-0.02, 0.02)), stem(6)),),
    "a clip read twice": (
        stem(6),
        Joined(add, nn.Sequential(nn.ReLU(), nn.Conv2d(6, 4, 1)), nn.Conv2d(6, 4, 1)),
    ),
    "product": (stem(6), Joined(mul, nn.Sequential(), excite(6))),
    "product behind a clip": (stem(6), Joined(mul, nn.Sequential(), excite(6), nn.ReLU())),
    "shift-max and clip": (stem(12), shift_max(12, 4), nn.ReLU6(), nn.Conv2d(12, 4, 1)),
    "shift-max last": (stem(12), shift_max(12, 4)),
    "two activations": (stem(12), shift_max(12, 4), nn.Conv2d(12, 6, 1), shift_max(6, 2, 1, 2)),
    "not scaled": (stem(6), nn.ReLU(), shift_max(6, 3)),
}


@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
def test_small_networks(layers):
    found = small(*layers)
    done_before = sum(map(is_done_before, found.network.graph.nodes))
    assert compare(found, images()) > len(layers) - done_before


def widened(found, *names, largest=8191):
    """The same with 16 bits for these tensors."""
    wide = {}
    for name in names:
        narrow = found.tensor_qparams[name]
        wide[name] = QuantParams(max(-narrow.low, narrow.high) / largest, 0, 16)
    return replace(found, tensor_qparams={**found.tensor_qparams, **wide})


@pytest.mark.parametrize("largest", [127, 8191, 32767])
def test_tensors_of_16_bits_between_convolutions(largest):
    found = small(
        nn.Conv2d(3, 6, (3, 1), (2, 1), (1, 0)),
        nn.Conv2d(6, 12, (1, 3), (1, 2), (0, 1), groups=6),
        nn.Conv2d(12, 4, 1),
        nn.Flatten(1),
    )
    assert compare(widened(found, "0", "1", largest=largest), images()) == 5


def test_a_large_bias_behind_16_bits_fits():
    found = widened(small(stem(6), nn.Conv2d(6, 4, 1)), "0", largest=32767)
    layer = found.network.get_submodule("1")
    with torch.no_grad():
        layer.weight.mul_(1e-3)
        layer.bias.fill_(1000.0)
    node = next(node for node in found.network.graph.nodes if node.target == "1")
    constants = matrix_constants(found.call(node, layer))
    assert 0.99 * BIAS_LIMIT < constants.bias.max() <= 1.01 * BIAS_LIMIT
    assert compare(found, images()) == 3


def test_a_clip_behind_a_shuffle_that_stays_there_is_a_table():
    layers = stem(6), ChannelShuffle(2), nn.ReLU6(), nn.Conv2d(6, 4, 1), nn.Flatten(1), nn.ReLU()
    lowered = lower(lively(nn.Sequential(*layers)).eval(), (Decompose(GATHERING),), SIZE).network
    found = with_half_up(quantized(lowered))
    assert compare(found, images()) == 5
    clips = [node for node in found.network.graph.nodes if is_clip(node)]
    assert all(map(has_table, clips))


@settings(max_examples=25, deadline=None)
@given(
    groups=st.integers(1, 4),
    width=st.integers(1, 4),
    shifts=st.integers(1, 4),
    fusions=st.integers(1, 2),
    pipeline=st.sampled_from([PIPELINE, REORDERED]),
)
def test_any_shift_max(groups, width, shifts, fusions, pipeline):
    channels = groups * width
    layers = stem(channels), shift_max(channels, groups, shifts, fusions), nn.Conv2d(channels, 3, 1)
    found = small(*layers, pipeline=pipeline)
    assert compare(found, images()) > 3


@pytest.mark.parametrize("variant", VARIANTS)
def test_whole_networks(variant):
    found, given_images = whole(variant)
    assert compare(found, given_images[:2]) > 60


# --- constants


def test_the_constants_of_a_convolution_are_those_of_exact_fractions():
    found = small(stem(6), nn.ReLU6(), nn.Conv2d(6, 4, 3, bias=True), nn.Hardtanh(-0.4, 0.7))
    node = next(node for node in found.network.graph.nodes if node.target == "2")
    layer, clip = found.network.get_submodule("2"), found.network.get_submodule("3")
    constants = matrix_constants(found.call(node, layer))
    x, y = found.tensor_qparams["1"], found.tensor_qparams["3"]
    for channel in range(4):
        weight, real_bias = layer.weight.detach()[channel].numpy(), float(layer.bias.detach()[channel])
        scale = np.float32(np.abs(weight).max()) / np.float32(127)
        assert np.array_equal(constants.weight[channel], np.rint(weight / scale))
        accumulator = Fraction(float(scale)) * Fraction(x.scale)
        bias = Fraction(real_bias) / accumulator
        assert abs(int(constants.bias[channel]) - bias) <= Fraction(1, 2) + Fraction(1, 10**6)
        total = int(constants.weight[channel].astype(int).sum())
        assert int(constants.folded_bias[channel]) == int(constants.bias[channel]) - x.zero_point * total
        multiplier = accumulator / Fraction(y.scale) * 2**31
        assert abs(int(constants.requantization.multipliers[channel]) - multiplier) <= 1
    ends = [round(end / y.scale) + y.zero_point for end in (clip.min_val, clip.max_val)]
    assert [constants.requantization.low, constants.requantization.high] == [
        max(ends[0], -128),
        min(ends[1], 127),
    ]


def test_the_coefficients_of_an_activation_are_near_the_exact_ones():
    """One scale for all; the lowest number of each coefficient is an integer of that scale."""
    found = small(stem(12), shift_max(12, 4))
    (region,) = regions(found.network)
    constants = shift_max_constants(found, region)
    assert constants.scale == RELU6_SPAN / TOP
    assert constants.coefficients.weight.shape == (12 * 4, 4)
    assert constants.sources == region.composite.sources
    squeezed = torch.randint(0, 200, (1, 4, 1, 1)).float()
    qparams = found.qparams(region.squeezed)
    sums = squeezed.flatten().long().numpy() @ constants.coefficients.weight.T.astype(np.int64)
    given_sums = (sums + constants.coefficients.bias).reshape(12, 2, 2)
    multipliers = constants.coefficients.requantization.multipliers.reshape(12, 2, 2) / 2.0**31
    for k, j in region.composite.places:
        coefficient = region.coefficient(k, j)
        (excite,) = coefficient.all_input_nodes
        with torch.no_grad():
            number = found.network.get_submodule(excite.target)(squeezed * qparams.scale)
            exact = found.network.get_submodule(coefficient.target)(number).flatten().numpy()
        levels = np.floor(given_sums[:, k, j] * multipliers[:, k, j] + 0.5).clip(0, TOP)
        ours = (levels + constants.offset(k, j)) * constants.scale
        assert np.abs(ours - exact).max() < 0.05


def test_coefficients_of_several_spans_are_refused():
    found = small(stem(12), shift_max(12, 4))
    (region,) = regions(found.network)
    found.network.get_submodule(region.coefficient(0, 1).target).max_val += 1.0
    with pytest.raises(LoweringError, match="ranges of several lengths"):
        shift_max_constants(found, region)


def test_coefficients_beyond_what_float32_sums_up():
    activation = DynamicShiftMax(12, 4, shifts=3, initial=[[20.0, -20.0, 10.0], [1.0, 0.0, 20.0]])
    found = small(stem(12), activation, nn.Conv2d(12, 4, 1))
    (region,) = regions(found.network)
    assert shift_max_constants(found, region).largest_sum > 1 << 24
    assert compare(found, images()) > 3
    Simulation(found)(images()).sum().backward()


def test_coefficients_beyond_16_bits_are_refused():
    activation = DynamicShiftMax(12, 4, shifts=1, fusions=1, initial=[[50.0]])
    found = small(stem(12), activation)
    (region,) = regions(found.network)
    with pytest.raises(LoweringError, match="16 bits"):
        shift_max_constants(found, region)


def test_sums_that_do_not_fit_are_refused():
    found = small(stem(6), nn.Flatten(1), nn.Linear(6 * 64, 4))
    huge = nn.Linear(70_000, 2)
    nn.init.ones_(huge.weight)
    node = next(node for node in found.network.graph.nodes if node.target == "2")
    with pytest.raises(LoweringError, match="32 bits"):
        matrix_constants(found.call(node, huge))


# --- what else looks at a quantized network


def test_gradients_pass():
    found = small(stem(12), nn.ReLU6(), shift_max(12, 4), nn.Hardswish(), Residual(nn.Conv2d(12, 12, 1)))
    Simulation(found)(images()).square().sum().backward()
    for name, parameter in found.network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


def test_with_gradients_the_numbers_are_the_same():
    found = small(stem(12), shift_max(12, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(12, 4))
    with torch.no_grad():
        expected = Simulation(found)(images())
    given_numbers = Simulation(found)(images())
    assert given_numbers.requires_grad
    assert torch.allclose(given_numbers.detach(), expected, rtol=0, atol=1e-5)


def test_the_sensitivity_analysis_leaves_single_tensors_unrounded():
    layers = stem(12), shift_max(12, 4), Residual(nn.Conv2d(12, 12, 1)), nn.Hardswish()
    found = small(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(12, 4))
    analysis = analyze(found, copy.deepcopy(found.network), images())
    assert analysis.sqnr_db > 15
    assert all(np.isfinite(row.sqnr_db) for row in analysis.rows)
    assert max(row.noise_share for row in analysis.rows) > 0.05


def test_a_bias_that_is_off_is_corrected():
    found = small(stem(12), nn.ReLU6(), shift_max(12, 4), nn.Conv2d(12, 8, 1), nn.ReLU())
    with torch.no_grad():
        expected = found.network(images()).mean((0, 2, 3))

    def error(form):
        with torch.no_grad():
            return float((Simulation(form)(images()).mean((0, 2, 3)) - expected).abs().max())

    coarse = replace(found, weight_limit=7)
    changed = with_tensors(found.network, corrected_biases(coarse, images()))
    assert error(replace(coarse, network=changed)) < error(coarse) / 3


def test_an_activation_in_float_has_no_kernel():
    found = small(stem(12), shift_max(12, 4), nn.Conv2d(12, 4, 1))
    (region,) = regions(found.network)
    names = frozenset(tensor_name(node) for node in region.nodes)
    kept = replace(found, float_layers=names)
    assert not with_half_up(kept).fused_layers
    with torch.no_grad():
        assert torch.equal(Simulation(kept)(images()), Simulation(with_half_up(kept))(images()))
