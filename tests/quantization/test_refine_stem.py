"""A refined stem computes the same, reads pixels as they are, and rounds its first activation more finely."""

from dataclasses import replace

import pytest
import torch
from lowering.networks import assert_same, difference
from quantization.networks import SIZE, images, quantized, traced
from quantized_digits import decomposed_digits
from torch import nn

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering.ir.primitives import AddConstant
from micronet_edge.lowering.passes.fold_input_normalization import FRAMED, PIXELS, SCALED
from micronet_edge.quantization.layers import layers
from micronet_edge.quantization.quantized_tensors import IMAGE, tensor_name
from micronet_edge.quantization.refine_stem import PIXEL_QPARAMS, refine_stem, stem_layers
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.quantization.stored_weights import stored_in_int8

TAIL = nn.Conv2d(4, 6, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(6, 5)
PARTS = 2
"""Of an activation of four channels."""


def border():
    constant = torch.zeros(1, 4, 1, SIZE)
    constant[..., 0], constant[..., -1] = -0.5, 0.25
    return AddConstant(constant)


def stem(*, bordered=True):
    """A stem whose activation reaches both of its ends, with a layer behind it."""
    between = [border()] if bordered else []
    network = traced(nn.Conv2d(3, 4, 3, padding=1), *between, nn.ReLU6(), *TAIL)
    with torch.no_grad():
        network.get_submodule("0").weight.mul_(3)
        network.get_submodule("0").bias.add_(2)
    return network


def of_pixels(preprocessing, count=8):
    """Whole pixels from 0 to 1, and the normalized images that they become."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, 3, SIZE, SIZE), generator=generator) / 255
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (preprocessing.mean, preprocessing.std))
    return pixels, (pixels - mean) / std


def steps(form, given):
    with torch.no_grad():
        return {tensor_name(node): value for node, value in Simulation(form).tensors(given)}


@pytest.mark.parametrize("bordered", [True, False])
def test_the_function_is_the_same(bordered):
    before = quantized(stem(bordered=bordered))
    form = refine_stem(before)
    assert form.network is not before.network
    assert difference(before.network, form.network, images(8)) < 1e-5


def test_the_function_of_the_trained_example_is_the_same():
    loaded, network = decomposed_digits()
    given = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    form = refine_stem(replace(quantized(network, given=given), preprocessing=loaded.preprocessing))
    assert difference(network, form.network, given) < 1e-5
    assert PIXELS in {tensor_name(node) for node in form.network.graph.nodes}


def test_the_network_given_stays_as_it_was():
    before = quantized(stem())
    tensor_qparams, state = (
        dict(before.tensor_qparams),
        {k: v.clone() for k, v in before.network.state_dict().items()},
    )
    refine_stem(before)
    assert dict(before.tensor_qparams) == tensor_qparams
    assert all(torch.equal(tensor, state[name]) for name, tensor in before.network.state_dict().items())


def test_pixels_are_not_rounded():
    before = quantized(stem())
    form = refine_stem(before)
    pixels, given = of_pixels(form.preprocessing)
    found = steps(form, given)
    assert torch.equal(found[FRAMED][..., 1:-1, 1:-1], (pixels * 255).round() * PIXEL_QPARAMS.scale)
    assert torch.equal(found[IMAGE], given)  # the image itself is not touched
    normalized = steps(before, given)[IMAGE]
    assert not torch.equal(normalized, given)  # as it was before


def test_what_frames_the_pixels_has_their_qparams():
    form = refine_stem(quantized(stem()))
    _, given = of_pixels(form.preprocessing)
    corners = steps(form, given)[FRAMED][..., [0, -1], [0, -1]] / PIXEL_QPARAMS.scale
    expected = (torch.tensor(form.preprocessing.mean) * 255).round()[None, :, None]
    torch.testing.assert_close(corners, expected.expand_as(corners))
    assert not torch.equal(expected.flatten(), torch.tensor(form.preprocessing.mean) * 255)


def test_pixels_have_their_qparams():
    form = refine_stem(quantized(stem()))
    assert (PIXEL_QPARAMS.low, PIXEL_QPARAMS.high) == (0.0, pytest.approx(1.0))
    assert all(form.tensor_qparams[name] == PIXEL_QPARAMS for name in (SCALED, PIXELS, FRAMED))
    assert form.float_layers == {SCALED, PIXELS}
    image, *_ = form.network.graph.nodes
    assert not form.is_integer(image)


@pytest.mark.parametrize("bordered", [True, False])
def test_the_steps_of_the_first_activation_are_those_of_a_part(bordered):
    form = refine_stem(quantized(stem(bordered=bordered)))
    qparams = form.tensor_qparams["2" if bordered else "1"]
    assert (qparams.low, qparams.high) == (0.0, pytest.approx(6 / PARTS))
    if bordered:  # the convolution has room for what the border takes away and adds
        assert form.tensor_qparams["0"].low == pytest.approx(-0.25, abs=form.tensor_qparams["0"].scale)
        assert form.tensor_qparams["0"].high == pytest.approx(
            6 / PARTS + 0.5, abs=form.tensor_qparams["0"].scale
        )


def test_the_first_activation_is_rounded_as_finely_as_its_parts():
    network = stem(bordered=False)
    conv = network.get_submodule("0")
    with torch.no_grad():
        conv.weight.copy_(stored_in_int8(conv.weight))  # so that nothing but activations is rounded
    # Standard deviations that are all the same keep the weights in steps of one size.
    preprocessing = Preprocessing(SIZE, SIZE, (0.2, 0.4, 0.6), (0.25,) * 3)
    _, given = of_pixels(preprocessing)
    before = replace(quantized(network, given=given), preprocessing=preprocessing)
    form = refine_stem(before)
    with torch.no_grad():
        expected = conv(given).clamp(0, 6)[..., 1:-1, 1:-1]  # a border of means is no whole pixel
    coarse, parts = (steps(each, given)["1"][..., 1:-1, 1:-1] for each in (before, form))
    fine = parts.unflatten(1, (PARTS, 4)).sum(1)
    half = form.tensor_qparams["1"].scale / 2
    assert (fine - expected).abs().max() < 1.1 * half
    assert (coarse - expected).abs().max() > (PARTS - 0.5) * half


def test_every_other_tensor_keeps_its_qparams():
    before = quantized(stem())
    form = refine_stem(before)
    own = {"0", "2", SCALED, PIXELS, FRAMED}
    assert set(form.tensor_qparams) == set(before.tensor_qparams) | own
    assert all(
        form.tensor_qparams[name] == qparams
        for name, qparams in before.tensor_qparams.items()
        if name not in own
    )


def test_16_bits_need_none_of_it():
    before = quantized(stem(), 16)
    assert refine_stem(before) is before


def test_a_stem_in_float_stays_as_it_is():
    names = layers(stem())["0"]
    before = quantized(stem(), float_layers=names)
    assert refine_stem(before) is before


def test_an_activation_that_is_read_in_float_stays_whole():
    form = refine_stem(quantized(stem(), float_layers=("3", "4")))
    assert isinstance(form.network.get_submodule("2"), nn.ReLU6)
    assert PIXELS in {tensor_name(node) for node in form.network.graph.nodes}


def test_a_stem_that_is_not_dense_reads_normalized_images():
    grouped = nn.Conv2d(3, 6, 3, padding=1, groups=3), nn.ReLU6(), nn.Conv2d(6, 4, 1)
    before = quantized(traced(*grouped))
    form = refine_stem(before)
    assert_same(form.network, before.network)
    assert (form.tensor_qparams, form.float_layers) == (before.tensor_qparams, before.float_layers)


def test_refined_once_it_stays():
    form = refine_stem(quantized(stem()))
    assert refine_stem(form) is form


@pytest.mark.parametrize("bordered", [True, False])
def test_the_layers_of_the_stem(bordered):
    assert stem_layers(stem(bordered=bordered)) == set("0123" if bordered else "012")


def test_without_parts_no_layer_is_of_the_stem():
    assert stem_layers(traced(nn.Conv2d(3, 4, 1), nn.ReLU(), *TAIL)) == frozenset()
