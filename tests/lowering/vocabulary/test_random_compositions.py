"""Random networks of what users write compute the same in canonical layers, and behind every pipeline."""

import pytest
import torch
from any_files import Does
from costs import ONNXRUNTIME, PORTABLE, XNNPACK
from hypothesis import given, settings
from hypothesis import strategies as st
from lowering.vocabulary.spelled import assert_same_numbers, assert_spelled, lively
from torch import nn
from torch.nn import functional as F

from micronet_edge.lowering import INTEGER, lower
from micronet_edge.lowering.ir.probes import repeated


class Branch(nn.Module):
    """What two branches give, joined."""

    def __init__(self, join, *branches):
        super().__init__()
        self.join, self.branches = join, nn.ModuleList(branches)

    def forward(self, x):
        return self.join(*[branch(x) for branch in self.branches])


class Attends(nn.Module):
    """A map's places attend to each other."""

    def __init__(self, channels):
        super().__init__()
        self.norm, self.attention = (
            nn.LayerNorm(channels),
            nn.MultiheadAttention(channels, 2, batch_first=True),
        )

    def forward(self, x):
        rows = self.norm(x.flatten(2).transpose(1, 2))
        return x + self.attention(rows, rows, rows)[0].transpose(1, 2).reshape(x.shape)


FUNCTIONS = [
    *(F.relu, F.silu, torch.tanh, F.hardswish, lambda x: x * 0.5 + 1, lambda x: 1 - x, lambda x: x**2),
    *(lambda x: x.clamp(-1, 1), lambda x: x.softmax(1), lambda x: torch.roll(x, 1, 3), lambda x: x.flip(2)),
    lambda x: x * torch.sigmoid(x.mean((2, 3), keepdim=True)),
    lambda x: F.pad(x, (1, 0, 0, 1))[:, :, 1:, :-1],
    lambda x: torch.cat(x.chunk(2, 1)[::-1], 1),
    lambda x: x.view(len(x), 2, -1, *x.shape[2:]).transpose(1, 2).reshape(x.shape),
    lambda x: F.interpolate(F.interpolate(x, scale_factor=2), size=x.shape[2:], mode="bilinear"),
    lambda x: F.normalize(x, dim=1),
    lambda x: F.scaled_dot_product_attention(x, x, x),
    lambda x: (
        x.permute(0, 2, 3, 1)
        .reshape(-1, x.shape[1])
        .relu()
        .view(len(x), *x.shape[2:], -1)
        .permute(0, 3, 1, 2)
    ),
]
JOINS = [torch.add, torch.maximum, lambda x, y: x - y, lambda x, y: x * y]


@st.composite
def layers(draw, channels):
    """A layer that keeps the shape of its map."""
    kind = draw(st.integers(0, 4))
    if kind == 0:
        kernel, groups = draw(st.sampled_from([1, 2, 3, (1, 3)])), draw(st.sampled_from([1, 2, channels]))
        mode = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
        conv = nn.Conv2d(channels, channels, kernel, padding="same", groups=groups, padding_mode=mode)
        return nn.Sequential(conv, nn.BatchNorm2d(channels)) if draw(st.booleans()) else conv
    if kind == 1:
        return draw(
            st.sampled_from([nn.BatchNorm2d(channels), nn.GroupNorm(2, channels), nn.PReLU(channels)])
        )
    if kind == 2:
        return draw(
            st.sampled_from([Attends(channels), nn.Dropout(), nn.ChannelShuffle(2), nn.AvgPool2d(3, 1, 1)])
        )
    return Does(draw(st.sampled_from(FUNCTIONS)))


@st.composite
def networks(draw):
    """Some layers, some of them in branches, and several outputs at times."""
    torch.manual_seed(0)
    channels = draw(st.sampled_from([4, 6]))
    stages = [nn.Conv2d(3, channels, 1)]
    for _ in range(draw(st.integers(1, 4))):
        one = draw(layers(channels))
        if draw(st.integers(0, 2)) == 0:
            one = Branch(draw(st.sampled_from(JOINS)), one, draw(layers(channels)))
        stages.append(one)
    head = draw(
        st.sampled_from([nn.Flatten(), Does(lambda x: x.mean((2, 3))), Does(lambda x: (x, x.amax(1))), None])
    )
    return nn.Sequential(*stages, *([] if head is None else [head]))


sizes = st.tuples(st.just(3), st.integers(3, 7), st.integers(3, 9))


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@given(network=networks(), size=sizes)
@settings(max_examples=60)
def test_random_networks_are_spelled_out(network, size):
    assert_spelled(network, size)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(
    "pipeline", [INTEGER, XNNPACK, ONNXRUNTIME, PORTABLE], ids=["int8", "tflite", "onnx", "any"]
)
@given(network=networks(), size=sizes)
@settings(max_examples=15)
def test_random_networks_survive_every_pass(pipeline, network, size):
    lively(network)
    network = network.double().eval()
    example = torch.randn(1, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        lowered = lower(network, pipeline, example).network
    finally:
        torch.set_default_dtype(default)
    assert_same_numbers(network, lowered, repeated((example,), 3))
