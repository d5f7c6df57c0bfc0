"""Layers of torch.nn compute the same in canonical layers."""

import pytest
from lowering.vocabulary.spelled import assert_spelled
from torch import nn

MAPS = [
    *(nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6(), nn.Hardtanh(-0.5, 2.0), nn.LeakyReLU(0.2), nn.PReLU(4)),
    *(nn.PReLU(), nn.ELU(0.7), nn.SiLU(), nn.GELU(), nn.GELU("tanh"), nn.Hardswish(), nn.Hardsigmoid()),
    *(
        nn.Sigmoid(),
        nn.Tanh(),
        nn.Mish(),
        nn.Softplus(),
        nn.Softplus(beta=2.0),
        nn.Softmax(1),
        nn.Softmax(-1),
    ),
    *(nn.Softmin(1), nn.LogSoftmax(1), nn.Softmax2d(), nn.CELU(0.5), nn.SELU(), nn.LogSigmoid()),
    *(nn.Softsign(), nn.Tanhshrink(), nn.GLU(1), nn.RReLU(), nn.Dropout(), nn.Dropout2d(), nn.Identity()),
    *(nn.Flatten(), nn.Flatten(2), nn.Flatten(1, 2), nn.Unflatten(1, (2, 2))),
    *(nn.ChannelShuffle(2), nn.PixelShuffle(2), nn.PixelUnshuffle(2)),
    *(nn.ZeroPad2d((1, 2, 0, 3)), nn.ZeroPad2d((-1, 2, 0, -3)), nn.ConstantPad2d(1, 3.5)),
    *(nn.ReflectionPad2d((1, 2, 2, 1)), nn.ReplicationPad2d((1, 2, 3, 0)), nn.CircularPad2d((1, 2, 3, 0))),
    *(nn.BatchNorm2d(4), nn.BatchNorm2d(4, affine=False), nn.LayerNorm(8), nn.LayerNorm((6, 8))),
    *(nn.LayerNorm((4, 6, 8), elementwise_affine=False), nn.LayerNorm(8, bias=False), nn.RMSNorm(8)),
    *(nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.InstanceNorm2d(4, affine=True, track_running_stats=True)),
    nn.LocalResponseNorm(3),
    *(
        nn.MaxPool2d(2),
        nn.MaxPool2d(3, 2, 1),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.MaxPool2d((2, 3), (3, 2)),
    ),
    *(nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.AvgPool2d(2), nn.AvgPool2d(3, 2, 1)),
    *(nn.AvgPool2d(3, 2, 1, count_include_pad=False), nn.AvgPool2d(3, 2, ceil_mode=True)),
    *(nn.AvgPool2d(3, 2, 1, ceil_mode=True), nn.AvgPool2d(3, divisor_override=4)),
    nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
    *(nn.AdaptiveAvgPool2d(1), nn.AdaptiveAvgPool2d((3, 4)), nn.AdaptiveAvgPool2d((4, 3))),
    *(nn.AdaptiveAvgPool2d((None, 1)), nn.AdaptiveMaxPool2d(1), nn.AdaptiveMaxPool2d((3, 4))),
    *(nn.AdaptiveMaxPool2d((4, 3)), nn.Upsample(scale_factor=2), nn.Upsample(size=(9, 5), mode="bilinear")),
    nn.Upsample(scale_factor=1.5, mode="bilinear", align_corners=True),
    nn.UpsamplingBilinear2d(scale_factor=2),
    *(nn.Conv2d(4, 6, 3), nn.Conv2d(4, 6, 3, 2, 1, groups=2), nn.Conv2d(4, 6, (4, 3), padding="same")),
    *(nn.Conv2d(4, 6, (3, 1), padding="same", dilation=2), nn.Conv2d(4, 6, 3, padding="valid")),
    *(nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), nn.Conv2d(4, 4, 4, padding="same")),
    nn.Conv2d(4, 6, 3, padding=(1, 2), padding_mode="replicate"),
    nn.Conv2d(4, 6, 3, padding=(2, 1), padding_mode="circular"),
    nn.Conv2d(4, 4, 4, padding="same", padding_mode="reflect"),
    *(nn.ConvTranspose2d(4, 6, 3, 2, 1, 1), nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2), nn.Linear(8, 3)),
]
LINES = [
    *(nn.Conv1d(4, 6, 3), nn.Conv1d(4, 6, 3, 2, 1, 2, 2), nn.Conv1d(4, 6, 4, padding="same")),
    *(nn.Conv1d(4, 6, 3, padding=2, padding_mode="circular"), nn.ConvTranspose1d(4, 6, 3, 2, 1, 1)),
    *(nn.BatchNorm1d(4), nn.MaxPool1d(3, 2, 1), nn.AvgPool1d(3, 2), nn.AvgPool1d(3, 2, ceil_mode=True)),
    *(nn.AdaptiveAvgPool1d(1), nn.AdaptiveAvgPool1d(4), nn.AdaptiveMaxPool1d(4), nn.InstanceNorm1d(4)),
    *(nn.GroupNorm(2, 4), nn.Upsample(scale_factor=2, mode="linear"), nn.Upsample(scale_factor=2)),
    *(nn.PReLU(4), nn.ReflectionPad1d(2), nn.ChannelShuffle(2), nn.Linear(10, 3), nn.Dropout1d()),
]


def named(layers):
    return pytest.mark.parametrize("layer", layers, ids=lambda layer: " ".join(repr(layer).split())[:60])


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@named(MAPS)
def test_a_layer_of_maps(layer):
    assert_spelled(nn.Sequential(layer), (4, 6, 8))


@named(LINES)
def test_a_layer_of_lines(layer):
    assert_spelled(nn.Sequential(layer), (4, 10))


def test_what_does_nothing_is_gone():
    assert assert_spelled(nn.Sequential(nn.Dropout(), nn.Identity(), nn.ReLU(), nn.AlphaDropout()), (3,)) == [
        "ReLU"
    ]


def test_norms_stay_behind_the_layers_that_take_them_in():
    norms = [nn.BatchNorm2d(6), nn.Dropout(), nn.BatchNorm2d(6)]
    left = assert_spelled(nn.Sequential(nn.Conv2d(4, 6, 3), *norms, nn.ReLU(), nn.BatchNorm2d(6)), (4, 6, 8))
    assert left == ["Conv2d", "BatchNorm2d", "BatchNorm2d", "ReLU", "MultiplyConstant", "AddConstant"]


def test_a_convolution_of_lines_is_one_of_maps_and_its_norm_folds():
    layers = nn.Conv1d(4, 6, 3), nn.BatchNorm1d(6), nn.Conv1d(6, 4, 3)
    left = assert_spelled(nn.Sequential(*layers), (4, 10))
    assert left == ["Reshape", "Conv2d", "BatchNorm2d", "Conv2d", "Reshape"]


@pytest.mark.parametrize(
    "layer",
    [
        nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 6, 3)),
        nn.utils.parametrizations.spectral_norm(nn.Conv2d(4, 6, 3)),
    ],
    ids=["weight norm", "spectral norm"],
)
def test_weights_that_are_computed_are_plain(layer):
    assert assert_spelled(nn.Sequential(layer), (4, 6, 8)) == ["Conv2d"]
    assert "Parametrized" in type(layer).__name__


def test_a_layer_called_twice_is_two():
    shared = nn.Linear(8, 8)
    assert assert_spelled(nn.Sequential(shared, nn.ReLU(), shared), (8,)) == ["Linear", "ReLU", "Linear"]
