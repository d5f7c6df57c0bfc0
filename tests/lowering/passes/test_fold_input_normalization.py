"""The convolution that reads the image normalizes it as well, and reads pixels."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lowering.networks import (
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

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering.ir.graph import only_input
from micronet_edge.lowering.ir.graph_builder import LAYER
from micronet_edge.lowering.ir.primitives import AddConstant, Frame, MultiplyConstant
from micronet_edge.lowering.passes.fold_input_normalization import (
    FRAMED,
    PIXELS,
    SCALED,
    FoldInputNormalization,
    pixels_of,
)
from micronet_edge.lowering.passes.freeze_shift_max import FreezeShiftMax

SIZE = 8
READ = FoldInputNormalization(Preprocessing.imagenet(SIZE))


def triples(low, high):
    return st.tuples(*[st.floats(low, high, width=32)] * 3)


def values(network, image):
    """What every layer gives, by its name."""
    found = {}
    for name, module in network.named_modules():
        module.register_forward_hook(lambda _, __, given, name=name: found.update({name: given}))
    with torch.no_grad():
        network(image)
    return found


@settings(max_examples=60)
@given(
    channels=st.integers(1, 6),
    kernel_size=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    dilation=st.integers(1, 2),
    bias=st.booleans(),
)
def test_nothing_changes_but_where_the_image_is_normalized(
    channels, kernel_size, stride, padding, dilation, bias
):
    conv = nn.Conv2d(3, channels, kernel_size, stride, padding, dilation, bias=bias)
    network, applied = rewritten(READ, traced(conv, nn.ReLU(), size=SIZE))
    assert applied.places == 1
    assert operators(network) == ["MultiplyConstant", "AddConstant", "Frame", "Conv2d", "ReLU"]
    found, frame = layer(network, nn.Conv2d), layer(network, Frame)
    assert (found.kernel_size, found.stride, found.dilation) == (kernel_size, stride, (dilation, dilation))
    assert found.padding == (0, 0)
    assert (frame.vertical, frame.horizontal) == padding
    assert_once_is_enough(READ, network)


@settings(max_examples=40)
@given(mean=triples(-1.0, 2.0), std=triples(0.0625, 4.0))
def test_whatever_the_mean_and_the_standard_deviation(mean, std):
    pass_ = FoldInputNormalization(Preprocessing(SIZE, SIZE, mean, std))
    network, applied = rewritten(pass_, traced(nn.Sequential(stem(4, 3)), size=SIZE))
    assert applied.places == 1
    assert layer(network, Frame).values.tolist() == pytest.approx(list(mean))


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_the_tensor_of_pixels_holds_pixels(order):
    preprocessing = Preprocessing(SIZE, SIZE, (0.1, 0.2, 0.3), (0.5, 0.25, 0.125), order)
    network, _ = rewritten(
        FoldInputNormalization(preprocessing), traced(nn.Sequential(stem(4, 3)), size=SIZE)
    )
    pixels = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (preprocessing.mean, preprocessing.std))
    found = values(network, (pixels - mean) / std)
    torch.testing.assert_close(found[PIXELS], pixels)
    torch.testing.assert_close(found[FRAMED][..., 1:-1, 1:-1], pixels)
    corners = found[FRAMED][..., [0, -1], [0, -1]]
    torch.testing.assert_close(corners, mean[..., 0].expand_as(corners))


def test_its_tensors_have_names_and_are_one_layer():
    network, _ = rewritten(READ, traced(nn.Sequential(stem(4)), size=SIZE))
    nodes = {str(node.target): node for node in network.graph.nodes}
    assert list(nodes)[1:5] == [SCALED, PIXELS, FRAMED, "0"]
    assert [nodes[name].meta.get(LAYER) for name in (SCALED, PIXELS, FRAMED, "0")] == [PIXELS] * 3 + [None]
    kinds = MultiplyConstant, AddConstant, Frame
    for name, kind in zip((SCALED, PIXELS, FRAMED), kinds, strict=True):
        assert isinstance(network.get_submodule(name), kind)
    assert pixels_of(network) is nodes[PIXELS]
    assert only_input(nodes["0"]) is nodes[FRAMED]


def test_a_network_that_reads_normalized_images_has_no_pixels():
    assert pixels_of(traced(nn.Sequential(stem(4)))) is None


class Both(nn.Module):
    """Two layers that read the image."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = stem(4), stem(4)

    def forward(self, x):
        return self.left(x) + self.right(x)


class Doubled(nn.Module):
    """A convolution of the image, and the image itself."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = stem(3)

    def forward(self, x):
        return self.conv(x), x


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param((Both(),), id="read twice"),
        pytest.param((Doubled(),), id="given as well"),
        pytest.param((nn.Conv2d(3, 6, 3, padding=1, groups=3),), id="groups"),
        pytest.param((nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"),), id="another padding"),
        pytest.param((nn.ReLU(), stem(4)), id="no convolution"),
    ],
)
def test_elsewhere_nothing_changes(layers):
    assert_untouched(READ, traced(nn.Sequential(*layers)))


def test_layers_behind_stay_what_they_are():
    before, _ = rewritten(FreezeShiftMax(), traced(stem(6), shift_max(6, 3), nn.Conv2d(6, 4, 1)))
    network, _ = rewritten(READ, before)
    assert operators(network)[3:] == operators(before)
    for name in ("1", "2"):
        ours, theirs = (each.get_submodule(name).state_dict() for each in (network, before))
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items())
