"""Every canonical layer, with inputs [1, ...] that it takes."""

from dataclasses import dataclass

import torch
from quantization.networks import graph_of
from torch import nn

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering.ir import primitives as p
from micronet_edge.models import ChannelShuffle
from micronet_edge.quantization.assign_qparams import assign_qparams
from micronet_edge.quantization.calibrate import calibrate
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.widen_ranges import widened


@dataclass(frozen=True)
class Case:
    """A layer and the shapes of its inputs; `positive` ones hold no numbers below a tenth."""

    name: str
    layer: nn.Module
    shapes: tuple[tuple[int, ...], ...] = ((6, 8, 8),)
    positive: bool = False

    def inputs(self, count, seed=0):
        random = torch.Generator().manual_seed(seed)
        given = [torch.randn(count, *shape, generator=random) for shape in self.shapes]
        return tuple(each.abs() + 0.1 if self.positive else each for each in given)


COUNT = 40
PAIR = ((6, 8, 8), (6, 8, 8))
TOKENS = ((5, 12),)


def constant(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(2))


def with_weight(layer):
    with torch.no_grad():
        layer.weight.copy_(constant(*layer.weight.shape).abs() / 2)
    return layer


torch.manual_seed(0)
CASES = (
    Case("convolution", nn.Conv2d(6, 8, 3, padding=1, stride=2)),
    Case("dilated", nn.Conv2d(6, 8, 3, dilation=2)),
    Case("grouped", nn.Conv2d(6, 9, 3, groups=3)),
    Case("transposed", nn.ConvTranspose2d(6, 8, 3, stride=2, output_padding=1)),
    Case("transposed, grouped", nn.ConvTranspose2d(6, 9, 2, stride=2, groups=3, bias=False)),
    Case("transposed, dilated", nn.ConvTranspose2d(6, 4, 3, dilation=2, padding=1)),
    Case("linear", nn.Linear(12, 7), ((12,),)),
    Case("linear of tokens", nn.Linear(12, 7), TOKENS),
    Case("linear of maps", nn.Linear(8, 7, bias=False)),
    Case("max pool", nn.MaxPool2d(3, 2, padding=1)),
    Case("average pool", nn.AvgPool2d(3, 2, padding=1)),
    Case("average pool without its padding", nn.AvgPool2d(2, padding=1, count_include_pad=False)),
    Case("pooled", nn.AdaptiveAvgPool2d(1)),
    Case("relu", nn.ReLU()),
    Case("relu6", nn.ReLU6()),
    Case("hardtanh", nn.Hardtanh(-0.5, 0.7)),
    Case("leaky relu", nn.LeakyReLU(0.1)),
    Case("prelu", nn.PReLU()),
    Case("prelu of channels", with_weight(nn.PReLU(6))),
    Case("elu", nn.ELU()),
    Case("silu", nn.SiLU()),
    Case("gelu", nn.GELU()),
    Case("gelu by tanh", nn.GELU(approximate="tanh")),
    Case("hardswish", nn.Hardswish()),
    Case("hardsigmoid", nn.Hardsigmoid()),
    Case("sigmoid", nn.Sigmoid()),
    Case("tanh", nn.Tanh()),
    Case("mish", nn.Mish()),
    Case("softplus", nn.Softplus()),
    Case("softmax", nn.Softmax(1), ((12,),)),
    Case("softmax of channels", nn.Softmax(1)),
    Case("flatten", nn.Flatten(1)),
    Case("pixel shuffle", nn.PixelShuffle(2), ((8, 4, 4),)),
    Case("pixel unshuffle", nn.PixelUnshuffle(2)),
    Case("channel shuffle", ChannelShuffle(2)),
    Case("add", p.Add(), PAIR),
    Case("add, broadcast", p.Add(), ((6, 8, 8), (6, 1, 1))),
    Case("subtract", p.Subtract(), PAIR),
    Case("multiply", p.Multiply(), PAIR),
    Case("maximum", p.Maximum(), PAIR),
    Case("minimum", p.Minimum(), PAIR),
    Case("divide", p.Divide(), PAIR, positive=True),
    Case("add constant", p.AddConstant(constant(6, 1, 1))),
    Case("add number", p.AddConstant(torch.tensor(1.0))),
    Case("multiply constant", p.MultiplyConstant(constant(1, 6, 1, 1))),
    Case("multiply number", p.MultiplyConstant(torch.tensor(0.5))),
    Case("maximum constant", p.MaximumConstant(torch.tensor(-0.3))),
    Case("minimum constant", p.MinimumConstant(constant(6, 1, 1))),
    Case("stored tensor", p.StoredTensor(constant(1, 1, 12)), TOKENS),
    Case("absolute", p.Absolute()),
    Case("square root", p.SquareRoot(), positive=True),
    Case("reciprocal square root", p.ReciprocalSquareRoot(), positive=True),
    Case("exponential", p.Exponential()),
    Case("logarithm", p.Logarithm(), positive=True),
    Case("mean", p.Mean((2, 3), keeps_axes=True)),
    Case("mean of channels", p.Mean((1,), keeps_axes=False)),
    Case("sum", p.Sum((3,), keeps_axes=False)),
    Case("largest", p.Largest((1,), keeps_axes=True)),
    Case("smallest", p.Smallest((2, 3), keeps_axes=False)),
    Case("matrix product", p.MatrixProduct(), ((2, 5, 4), (2, 4, 3))),
    Case("reshape", p.Reshape((-1, 12, 32))),
    Case("permute", p.Permute((0, 2, 3, 1))),
    Case("slice", p.Slice(2, 1, 7, 2)),
    Case("expand", p.Expand((-1, 6, 8, 8)), ((6, 1, 8),)),
    Case("concatenate", p.Concatenate(1), ((6, 8, 8), (2, 8, 8))),
    Case("concatenate tokens", p.Concatenate(2), ((5, 12), (5, 4))),
    Case("channels", p.Channels(1, 4)),
    Case("pad", p.Pad(((0, 0), (0, 0), (1, 2), (0, 1)))),
    Case("pad by a number out of range", p.Pad(((0, 0), (0, 0), (1, 2), (0, 1)), 0.25)),
    Case("pad by a mirror", p.Pad(((0, 0), (0, 0), (1, 2), (0, 1)), None)),
    Case("nearest", p.Resize((16, 12), "nearest")),
    Case("bilinear", p.Resize((16, 12), "bilinear")),
    Case("bilinear with corners", p.Resize((15, 15), "bilinear", aligns_corners=True)),
)


class One(nn.Module):
    """The layer, called with one input."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)


class Two(One):
    """The same with two."""

    def forward(self, x, y):
        return self.layer(x, y)


def quantized(case, bits=8):
    """The network of one layer, and the samples that it was quantized on."""
    inputs = case.inputs(COUNT)
    called = (One if len(inputs) == 1 else Two)(case.layer)
    network = graph_of(called, *(each[:1] for each in inputs))
    ranges = widened(network, calibrate(network, inputs, 100.0), bits)
    tensor_qparams = assign_qparams(network, ranges, bits)
    found = QuantizedNetwork(
        network, Preprocessing.imagenet(32), tensor_qparams, takes_images=False, classifies=False
    )
    return found, inputs
