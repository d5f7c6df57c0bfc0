"""Every canonical layer alone, with inputs [1, ...] for it."""

import torch
from torch import nn

from micronet_edge.lowering.ir import primitives as p

MAP, ODD, ROW, SEQUENCE = (1, 6, 8, 10), (1, 6, 7, 9), (1, 12), (1, 5, 12)


def _seeded(layer):
    torch.manual_seed(0)
    for weight in layer.parameters():
        nn.init.normal_(weight, std=0.3)
    return layer.eval()


def _constant(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


_ACTIVATIONS = {
    "relu": nn.ReLU(),
    "relu6": nn.ReLU6(),
    "hardtanh": nn.Hardtanh(-0.5, 0.7),
    "leaky_relu": nn.LeakyReLU(0.2),
    "prelu": nn.PReLU(),
    "elu": nn.ELU(0.7),
    "silu": nn.SiLU(),
    "gelu": nn.GELU(),
    "gelu_tanh": nn.GELU(approximate="tanh"),
    "hardswish": nn.Hardswish(),
    "hardsigmoid": nn.Hardsigmoid(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "mish": nn.Mish(),
    "softplus": nn.Softplus(),
    "absolute": p.Absolute(),
    "exponential": p.Exponential(),
}
_CONSTANTS = {
    "add": p.AddConstant,
    "multiply": p.MultiplyConstant,
    "maximum": p.MaximumConstant,
    "minimum": p.MinimumConstant,
}
_TWO = {
    "add": p.Add,
    "subtract": p.Subtract,
    "multiply": p.Multiply,
    "divide": p.Divide,
    "maximum": p.Maximum,
    "minimum": p.Minimum,
}
_REDUCTIONS = {"mean": p.Mean, "sum": p.Sum, "largest": p.Largest, "smallest": p.Smallest}

CONVOLUTIONS = {
    "conv": (nn.Conv2d(6, 8, 3, padding=1), MAP),
    "conv_uneven": (nn.Conv2d(6, 8, (3, 1), (2, 1), (0, 2), (1, 3), groups=2, bias=False), ODD),
    "conv_1xk": (nn.Conv2d(6, 4, (1, 5), padding=(0, 2)), (1, 6, 1, 20)),
    "conv_transpose": (nn.ConvTranspose2d(6, 8, 3, 2, 1, output_padding=1), MAP),
    "conv_transpose_groups": (
        nn.ConvTranspose2d(6, 4, (2, 3), (1, 2), groups=2, bias=False, dilation=(2, 1)),
        ODD,
    ),
    "linear": (nn.Linear(12, 5), ROW),
    "linear_3d": (nn.Linear(12, 5), SEQUENCE),
    "linear_no_bias": (nn.Linear(12, 5, bias=False), SEQUENCE),
    "linear_4d": (nn.Linear(10, 5), MAP),
}
POOLS = {
    "max_pool": (nn.MaxPool2d(3, 2, 1), ODD),
    "max_pool_dilated": (nn.MaxPool2d((2, 3), 1, dilation=2), MAP),
    "average_pool": (nn.AvgPool2d(2), MAP),
    "average_pool_border": (nn.AvgPool2d(3, 2, 1), ODD),
    "average_pool_inside": (nn.AvgPool2d(3, (1, 2), (1, 0), count_include_pad=False), ODD),
    "adaptive": (nn.AdaptiveAvgPool2d(1), MAP),
}
MOVEMENTS = {
    "flatten": (nn.Flatten(1), MAP),
    "pixel_shuffle": (nn.PixelShuffle(2), (1, 12, 3, 4)),
    "pixel_unshuffle": (nn.PixelUnshuffle(2), (1, 3, 6, 8)),
    "channels": (p.Channels(1, 4), MAP),
    "slice": (p.Slice(2, 1, 7, 2), MAP),
    "slice_last": (p.Slice(2, 3, 12), SEQUENCE),
    "reshape": (p.Reshape((-1, 6, 80)), MAP),
    "reshape_heads": (p.Reshape((-1, 5, 3, 4)), SEQUENCE),
    "reshape_merged": (p.Reshape((-1, 12)), SEQUENCE),
    "permute": (p.Permute((0, 2, 3, 1)), MAP),
    "expand": (p.Expand((-1, 6, 4, 10)), (1, 6, 1, 10)),
    "stored": (p.StoredTensor(_constant(1, 1, 12)), SEQUENCE),
    "stored_row": (p.StoredTensor(_constant(1, 3)), ROW),
    "pad": (p.Pad(((0, 0), (0, 0), (1, 2), (3, 0)), 0.5), MAP),
    "pad_sequence": (p.Pad(((0, 0), (1, 0), (0, 0))), SEQUENCE),
    "pad_mirrored": (p.Pad(((0, 0), (0, 0), (1, 2), (3, 0)), None), MAP),
    "nearest": (p.Resize((16, 20), "nearest"), MAP),
    "nearest_odd": (p.Resize((11, 13), "nearest"), ODD),
    "nearest_smaller": (p.Resize((3, 4), "nearest"), ODD),
    "nearest_by_places": (p.Resize((41, 25), "nearest"), (1, 2, 11, 22)),
    "bilinear": (p.Resize((16, 20), "bilinear"), MAP),
    "bilinear_odd": (p.Resize((11, 13), "bilinear"), ODD),
    "bilinear_smaller": (p.Resize((3, 4), "bilinear"), ODD),
    "bilinear_corners": (p.Resize((16, 19), "bilinear", aligns_corners=True), MAP),
    "bilinear_corners_one": (p.Resize((1, 5), "bilinear", aligns_corners=True), MAP),
}
ELEMENTWISE = {
    **{name: (layer, MAP) for name, layer in _ACTIVATIONS.items()},
    "prelu_channels": (nn.PReLU(6), MAP),
    "prelu_row": (nn.PReLU(12), ROW),
    "gelu_sequence": (nn.GELU(), SEQUENCE),
    **{f"{name}_constant": (kind(_constant(6, 1, 1)), MAP) for name, kind in _CONSTANTS.items()},
    **{f"{name}_number": (kind(_constant()), SEQUENCE) for name, kind in _CONSTANTS.items()},
    "add_row": (p.AddConstant(_constant(12)), SEQUENCE),
    "add_column": (p.AddConstant(_constant(1, 1, 1, 10)), MAP),
    "softmax": (nn.Softmax(2), SEQUENCE),
    "softmax_channels": (nn.Softmax(1), MAP),
}
REDUCTIONS = {
    f"{name}_{'_'.join(map(str, axes))}_{keeps}": (kind(axes, keeps_axes=keeps), shape)
    for name, kind in _REDUCTIONS.items()
    for axes, shape in (((2, 3), MAP), ((1,), SEQUENCE), ((-1,), SEQUENCE), ((1, 3), MAP))
    for keeps in (True, False)
}
OF_TWO = {
    **{name: (kind(), MAP, MAP) for name, kind in _TWO.items()},
    **{f"{name}_broadcast": (kind(), MAP, (1, 6, 1, 1)) for name, kind in _TWO.items()},
    "matrix_product": (p.MatrixProduct(), (1, 5, 12), (1, 12, 4)),
    "matrix_product_heads": (p.MatrixProduct(), (1, 3, 5, 4), (1, 3, 4, 5)),
    "concatenate": (p.Concatenate(), MAP, (1, 2, 8, 10)),
    "concatenate_sequence": (p.Concatenate(1), (1, 1, 12), SEQUENCE),
    "concatenate_last": (p.Concatenate(3), MAP, (1, 6, 8, 1)),
}
POSITIVE = {
    "square_root": (p.SquareRoot(), MAP),
    "reciprocal_square_root": (p.ReciprocalSquareRoot(), MAP),
    "logarithm": (p.Logarithm(), SEQUENCE),
}
LAYERS = {
    name: (_seeded(layer), *shapes)
    for name, (layer, *shapes) in (
        CONVOLUTIONS | POOLS | MOVEMENTS | ELEMENTWISE | REDUCTIONS | OF_TWO | POSITIVE
    ).items()
}


def samples_of(name, count):
    """Inputs for a layer."""
    generator = torch.Generator().manual_seed(2)
    _, *shapes = LAYERS[name]
    given = [torch.randn(count, *shape[1:], generator=generator) for shape in shapes]
    return [each.abs() + 0.1 for each in given] if name in POSITIVE or name.startswith("divide") else given
