"""What no file holds is refused in one line that says what, where, and what works."""

import pytest
import torch
from lowering.vocabulary.spelled import Calls
from torch import nn
from torch.nn import functional as F

from micronet_edge.errors import LoweringError
from micronet_edge.lowering import lower
from micronet_edge.lowering.passes.canonicalize import Canonicalize

FUNCTIONS = {
    "Fourier transforms are none": lambda x: torch.fft.fft2(x).real,
    "truth values are none": lambda x: (x > 0) * x,
    "leave the type to the export": lambda x: x.half(),
    "it reduces the axis of the samples": lambda x: x - x.mean(0),
    "whole numbers: output the numbers": lambda x: x.argmax(1),
    "it samples at computed places": lambda x: F.grid_sample(
        x, x.mean(1)[..., :2][:, None], align_corners=True
    ),
    "multiply by a fixed triangular matrix": lambda x: x.cumsum(1),
    "it is not among the layers": lambda x: torch.special.bessel_j0(x) + 1,
    "it drops numbers in inference too": lambda x: F.dropout(x, 0.0001, training=True),
    "no bicubic interpolation: use mode='bilinear'": lambda x: F.interpolate(x, size=9, mode="bicubic"),
    "scale_factor=1.3 gives no whole pixels: give recompute_scale_factor=True": lambda x: F.interpolate(
        x, scale_factor=1.3
    ),
    "whole ones up to 8 and square roots work": lambda x: x.abs() ** 1.7,
    "it picks places of several axes at once: pick along one": lambda x: x[:, [0, 1], [2, 3]],
    "or masks of several axes": lambda x: x[:, torch.ones(4, 6) > 0],
    "it jumps at its threshold of 1: leave that at 20": lambda x: F.softplus(x, beta=2, threshold=1),
    "random numbers differ from run to run": lambda x: x + torch.rand_like(x),
    "multiply and sum apart": lambda x: torch.einsum("bchw,cw->bch", x, torch.ones(4, 8)),
    "its axis is that of the samples": lambda x: x.softmax(0),
    "it picks or mixes samples": lambda x: x[:1] + x,
}
LAYERS = {
    "recurrent layers run one step after the other": lambda x: nn.LSTM(8, 4, batch_first=True)(x.mean(1))[0],
    "layers over three axes": lambda x: nn.Conv3d(1, 1, 1)(x[:, None]),
    "with Unfold's channels as those of a kernel": lambda x: nn.Unfold(2)(x) + 1,
    "files hold no places of largest numbers": lambda x: nn.MaxPool2d(2, return_indices=True)(x)[0],
    "files hold no dilated pools": lambda x: nn.MaxPool2d(2, dilation=2)(x) + 1,
    "it jumps at its threshold of 2": lambda x: nn.Softplus(threshold=2)(x) + 1,
    "it normalizes by the batch": lambda x: nn.BatchNorm2d(4, track_running_stats=False)(x) + 1,
}


@pytest.mark.parametrize(("reason", "function"), [*FUNCTIONS.items(), *LAYERS.items()])
def test_a_refusal_says_where_and_what_works(refusal, reason, function):
    message = refusal(LoweringError, lower, Calls(function), (Canonicalize(),), torch.randn(1, 4, 6, 8))
    assert message.startswith("Canonicalize: ")
    assert reason in message
    assert f"(test_refused_layers.py:{function.__code__.co_firstlineno})" in message


def test_a_refusal_names_the_layer_by_its_path(refusal):
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sequential(nn.Unfold(2)))
    assert refusal(LoweringError, lower, network, (Canonicalize(),), 8).startswith(
        "Canonicalize: Unfold 1/0: "
    )
