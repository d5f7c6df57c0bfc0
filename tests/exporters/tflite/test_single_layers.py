"""Every layer of the vocabulary alone, in LiteRT against PyTorch, for one image and for three."""

import pytest
import torch
from single_layers import alone, check_float
from torch import nn

from micronet_edge.lowering.ir import primitives as p
from micronet_edge.models import ChannelShuffle

MAP, ROWS, LINE = (6, 8, 10), (5, 12), (7,)


def constant(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def slopes(layer):
    with torch.no_grad():
        layer.weight.copy_(torch.linspace(-0.5, 1.5, layer.weight.numel()))
    return layer


MAPS = {
    "conv": nn.Conv2d(6, 4, 3, padding=1),
    "conv, dilated": nn.Conv2d(6, 4, 3, padding=2, dilation=2),
    "conv, dilated and strided": nn.Conv2d(6, 4, 3, 2, padding=1, dilation=2),
    "conv, groups": nn.Conv2d(6, 9, 3, 2, padding=1, groups=3),
    "conv, one side": nn.Conv2d(6, 4, (1, 5), padding=(0, 2), bias=False),
    "depthwise": nn.Conv2d(6, 6, 3, 2, padding=1, groups=6),
    "depthwise, dilated": nn.Conv2d(6, 6, 3, padding=3, dilation=3, groups=6),
    "depthwise, wider": nn.Conv2d(6, 12, 3, padding=1, groups=6),
    "transposed": nn.ConvTranspose2d(6, 4, 2, 2),
    "transposed, same": nn.ConvTranspose2d(6, 4, 4, 2, padding=1),
    "transposed, cut": nn.ConvTranspose2d(6, 4, 3, 2, padding=1, output_padding=1),
    "transposed, longer": nn.ConvTranspose2d(6, 4, 3, 2, output_padding=1, bias=False),
    "transposed, gaps": nn.ConvTranspose2d(6, 4, 2, 3),
    "transposed, groups": nn.ConvTranspose2d(6, 4, 3, 2, padding=1, groups=2),
    "transposed, depthwise": nn.ConvTranspose2d(6, 6, 4, 2, padding=1, groups=6),
    "transposed, dilated": nn.ConvTranspose2d(6, 4, 3, padding=1, dilation=2),
    "transposed, far": nn.ConvTranspose2d(6, 4, 2, output_padding=1, dilation=2),
    "max pool": nn.MaxPool2d(2),
    "max pool, padded": nn.MaxPool2d(3, 2, padding=1),
    "max pool of what is never negative": nn.Sequential(nn.ReLU(), nn.MaxPool2d(3, 2, padding=1)),
    "max pool, same": nn.MaxPool2d(3, 1, padding=1),
    "max pool, oblong": nn.MaxPool2d((2, 3), (1, 2), padding=(0, 1)),
    "average pool": nn.AvgPool2d(2),
    "average pool, counted": nn.AvgPool2d(3, 2, padding=1),
    "average pool, not counted": nn.AvgPool2d(3, 2, padding=1, count_include_pad=False),
    "average pool, same": nn.AvgPool2d(3, 1, padding=1, count_include_pad=False),
    "global average": nn.AdaptiveAvgPool2d(1),
    "pixel shuffle": nn.Sequential(nn.Conv2d(6, 12, 1), nn.PixelShuffle(2)),
    "pixel shuffle, one channel": nn.Sequential(nn.Conv2d(6, 9, 1), nn.PixelShuffle(3)),
    "pixel unshuffle": nn.PixelUnshuffle(2),
    "channel shuffle": ChannelShuffle(3),
    "channels": p.Channels(1, 4),
    "flatten": nn.Flatten(1),
    "nearest, whole": p.Resize((16, 30), "nearest"),
    "nearest, uneven": p.Resize((13, 7), "nearest"),
    "bilinear": p.Resize((16, 20), "bilinear"),
    "bilinear, uneven": p.Resize((5, 17), "bilinear"),
    "bilinear, corners": p.Resize((15, 21), "bilinear", aligns_corners=True),
    "pad": p.Pad(((0, 0), (0, 0), (1, 2), (3, 0))),
    "pad, number": p.Pad(((0, 0), (1, 0), (1, 2), (0, 0)), -1.5),
    "pad, mirrored": p.Pad(((0, 0), (0, 0), (2, 2), (1, 3)), None),
    "prelu": slopes(nn.PReLU(6)),
    "constant of a channel": p.AddConstant(constant(1, 6, 1, 1)),
    "constant of a column": p.MultiplyConstant(constant(1, 1, 1, 10)),
    "constant of few axes": p.MultiplyConstant(constant(8, 1)),
    "constant of one axis": p.AddConstant(constant(10)),
    "maximum with a constant": p.MaximumConstant(constant(6, 1, 1)),
    "stored": p.StoredTensor(constant(1, 6, 3, 2)),
    "mean of pixels": p.Mean((2, 3), keeps_axes=False),
    "mean of channels": p.Mean((1,), keeps_axes=True),
    "mean of rows": p.Mean((3,), keeps_axes=False),
    "sum": p.Sum((1, 3), keeps_axes=False),
    "largest": p.Largest((2, 3), keeps_axes=True),
    "smallest": p.Smallest((1,), keeps_axes=False),
    "softmax of channels": nn.Softmax(1),
    "softmax of columns": nn.Softmax(3),
    "linear on columns": nn.Linear(10, 3),
    "slice": p.Slice(2, 1, 7),
    "slice, stepped": p.Slice(3, 1, 10, 2),
    "permuted": p.Permute((0, 3, 1, 2)),
    "reshape to rows": p.Reshape((-1, 6, 80)),
    "reshape of channels": p.Reshape((-1, 2, 3, 8, 10)),
    "expand": nn.Sequential(nn.AdaptiveAvgPool2d(1), p.Expand((-1, 6, 4, 5))),
}
FUNCTIONS = {
    "relu": nn.ReLU(),
    "relu6": nn.ReLU6(),
    "hardtanh": nn.Hardtanh(-0.5, 1.5),
    "leaky relu": nn.LeakyReLU(0.2),
    "prelu of one slope": nn.PReLU(),
    "elu": nn.ELU(),
    "elu, steeper": nn.ELU(1.7),
    "silu": nn.SiLU(),
    "gelu": nn.GELU(),
    "gelu by tanh": nn.GELU("tanh"),
    "hard swish": nn.Hardswish(),
    "hard sigmoid": nn.Hardsigmoid(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "mish": nn.Mish(),
    "softplus": nn.Softplus(),
    "softmax of the last": nn.Softmax(-1),
    "absolute": p.Absolute(),
    "exponential": p.Exponential(),
    "square root": nn.Sequential(p.Absolute(), p.SquareRoot()),
    "reciprocal square root": nn.Sequential(p.Exponential(), p.ReciprocalSquareRoot()),
    "logarithm": nn.Sequential(p.Exponential(), p.Logarithm()),
    "maximum with a number": p.MaximumConstant(torch.tensor(0.3)),
    "minimum with a number": p.MinimumConstant(torch.tensor(0.3)),
}
OF_ROWS = {
    "linear": nn.Linear(12, 4),
    "softmax of rows": nn.Softmax(1),
    "mean": p.Mean((2,), keeps_axes=True),
    "split heads": p.Reshape((-1, 5, 3, 4)),
    "transposed": p.Permute((0, 2, 1)),
    "norm's constant": p.MultiplyConstant(constant(12)),
    "prelu of rows": slopes(nn.PReLU(5)),
    "slice of rows": p.Slice(1, 0, 4, 2),
    "pad of rows": p.Pad(((0, 0), (2, 0), (0, 1))),
    "mirrored rows": p.Pad(((0, 0), (2, 1), (0, 0)), None),
    "expand": nn.Sequential(p.Reshape((-1, 1, 60)), p.Expand((-1, 3, 60))),
}
BATCHES = (1, 3)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", MAPS)
def test_of_maps(tmp_path, name, batch):
    check_float(tmp_path, alone(MAPS[name]), MAP, batch=batch)


@pytest.mark.parametrize("shape", [MAP, ROWS, LINE], ids=["maps", "rows", "lines"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_each_number(tmp_path, name, shape):
    check_float(tmp_path, alone(FUNCTIONS[name]), shape, batch=3)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", OF_ROWS)
def test_of_rows(tmp_path, name, batch):
    check_float(tmp_path, alone(OF_ROWS[name]), ROWS, batch=batch)
