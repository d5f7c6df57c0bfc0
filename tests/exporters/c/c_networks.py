"""Networks as C files: made from layers, written, compiled and run."""

import subprocess
from functools import cache
from math import prod

import torch
from hypothesis import strategies as st
from lowering.networks import Residual, divisors, lively, shift_max, stem
from quantization.networks import images, quantized
from torch import nn

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering import lower
from micronet_edge.models import (
    ChannelShuffle,
    FactorizedStem,
    GroupedPointwise,
    MicroFactorizedDepthwise,
    MicroFactorizedPointwise,
)
from micronet_edge.models.random_weights import random_network
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.targets.protocol import Ends, ExportSpec
from micronet_edge_c.compiling import KERNELS, find_compiler
from micronet_edge_c.target import TARGET
from micronet_edge_c.write_program import write_program

SMALL = 8
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")


def metadata(size, classes=5, precision="int8", **more):
    labels = more.pop("labels", tuple(str(number) for number in range(classes)))
    return FileMetadata(
        more.pop("variant", "own"), labels, Preprocessing.imagenet(size), None, precision, **more
    )


def spec_of(size, *, precision="int8", io="float32", described=None):
    described = described or metadata(size, precision=precision)
    return ExportSpec(
        size, 1, naive=False, portable=False, metadata=described, precision=precision, ends=Ends(io)
    )


def lowered(network, size):
    lowering = TARGET.integer_lowering()
    return lower(network, lowering.pipeline(lowering.costs), size).network


def int8_form(network, size, float_layers=()):
    """The network quantized on noise, as a C file has it."""
    given = images(8, size).clamp(-2, 2)
    return TARGET.quantized_graph(quantized(lowered(network, size), given=given, float_layers=float_layers))


@cache
def variant_form(variant, size=64, classes=20):
    """A variant with random weights, quantized."""
    network = random_network(variant, classes, images(4, size))
    return int8_form(network, size)


def program_of(network, size=SMALL, io="int8_t"):
    return write_program(int8_form(network, size), io)


def small(*layers, seed=0):
    """The layers one behind the other, with lively weights, and a classifier behind a map."""
    return lively(nn.Sequential(*layers), seed)


def classifier(channels, classes=5):
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(channels, classes)


def write_int8(form, path, *, io="float32", described=None):
    """Writes the files of a quantized network beside their kernels; returns the path."""
    size = form.preprocessing.size
    TARGET.quantize(form, spec_of(size, io=io, described=described), path)
    return path


def write_float(network, size, path, described=None):
    spec = spec_of(size, precision="float32", described=described)
    TARGET.export(lower(network, TARGET.pipeline(spec), size).network, spec, path)
    return path


def compiled(paths, output, *options, compiler=None):
    """Compiles C files of ours without a warning, or says what the compiler said."""
    command = [compiler or find_compiler(), *options, *WARNINGS, f"-I{KERNELS}", *paths, "-o", output]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]
    return output


def self_test(path, *options, compiler=None):
    """How the test beside a file ends: its exit status and what it prints."""
    test = path.with_name(f"{path.stem}_test.c")
    program = compiled([path, test], path.with_suffix(".out"), "-O1", "-std=c99", *options, compiler=compiler)
    done = subprocess.run([program], capture_output=True, text=True, check=False, timeout=100)
    return done.returncode, (done.stdout + done.stderr)[:3000]


def pixel_images(count, size):
    """Noise as a camera gives it: what lies between two pixels may be rounded either way."""
    preprocessing = Preprocessing.imagenet(size)
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (preprocessing.mean, preprocessing.std))
    pixels = (images(count, size) * std + mean).clamp(0, 1).mul(255).round() / 255
    return (pixels - mean) / std


def largest_difference(form, path, given):
    """The largest difference of a file's scores to those of the simulation; 0.0 if all are equal."""
    with torch.no_grad():
        expected = Simulation(form)(given).numpy()
    return float(abs(TARGET.open(path).run(given.numpy()) - expected).max())


# --- Random networks


@st.composite
def random_networks(draw, most=4):
    """A stack of the layers that MicroNets have, of any sizes, with a classifier."""
    torch.manual_seed(0)
    layers, channels = draw(_stems())
    for _ in range(draw(st.integers(1, most))):
        added, channels = draw(_stages(channels))
        layers += added
    layers += draw(st.sampled_from([(), (nn.ReLU6(),), (nn.Hardswish(),)]))
    return small(*layers, *classifier(channels, draw(st.integers(1, 9))), seed=draw(st.integers(0, 2**16)))


@st.composite
def _stems(draw):
    if draw(st.booleans()):
        groups = draw(st.tuples(st.integers(1, 4), st.integers(1, 3)))
        kernel_size, stride = draw(st.sampled_from([3, 5])), draw(st.integers(1, 2))
        return [FactorizedStem(3, groups, kernel_size=kernel_size, stride=stride)], prod(groups)
    channels = draw(st.integers(1, 12))
    return [stem(channels, draw(st.sampled_from([1, 3])))], channels


@st.composite
def _stages(draw, channels):
    kind = draw(st.integers(0, 5))
    if kind == 0:
        body = draw(st.lists(_keeping(channels), min_size=1, max_size=3))
        return [Residual(*body)], channels
    if kind <= 2:
        return [draw(_keeping(channels))], channels
    return draw(_changing(channels))


@st.composite
def _keeping(draw, channels):
    groups = draw(st.sampled_from(divisors(channels)))
    activation = shift_max(channels, groups, draw(st.integers(1, 4)), draw(st.integers(1, 2)))
    size = draw(st.sampled_from([3, 5, 7]))
    usual = [
        activation,
        activation,
        ChannelShuffle(groups),
        GroupedPointwise(channels, channels, groups),
        MicroFactorizedDepthwise(channels, draw(st.sampled_from([3, 5]))),
        nn.Conv2d(channels, channels, size, padding=size // 2, groups=channels),
        nn.ReLU(),
        nn.Hardswish(),
        nn.Hardtanh(-0.4, 0.9),
    ]
    return draw(st.sampled_from(usual))


@st.composite
def _changing(draw, channels):
    groups, kind = draw(st.sampled_from(divisors(channels))), draw(st.integers(0, 4))
    if kind == 0:
        wide = groups * draw(st.integers(1, max(1, 24 // groups)))
        return [GroupedPointwise(channels, wide, groups)], wide
    if kind == 1:
        expansion = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
        stride = draw(st.integers(1, 2))
        layer = MicroFactorizedDepthwise(
            channels, draw(st.sampled_from([3, 5])), stride=stride, expansion=expansion
        )
        return [layer], channels * prod(expansion)
    if kind == 2:
        expand_groups = draw(st.integers(1, 4))
        wide = expand_groups * draw(st.integers(1, 4))
        return [
            MicroFactorizedPointwise(channels, groups * expand_groups, wide, (groups, expand_groups))
        ], wide
    if kind == 3:
        size, stride = draw(st.sampled_from([3, 5])), draw(st.integers(1, 3))
        return [nn.Conv2d(channels, channels, size, stride, size // 2, groups=channels)], channels
    wide = groups * draw(st.integers(1, 4))
    window = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    strides = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
    padding = (window[0] // 2, window[1] // 2)
    return [nn.Conv2d(channels, wide, window, strides, padding, groups=groups)], wide
