"""The baselines by name, ready to export."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import torch
from torch import nn

from baselines import mobilenet_v3, pp_lcnet
from baselines.mobilenet_v3 import MobileNetV3Small
from baselines.peak import DensePeak
from baselines.pp_lcnet import PPLCNet
from baselines.random_weights import with_random_weights
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import SettingsError
from micronet_edge_bench.results import PEAK

SIZE, CLASSES = 224, 1000
PREPROCESSING = Preprocessing.imagenet(SIZE)

_BUILDERS: Mapping[str, Callable[[int], nn.Module]] = MappingProxyType(
    {
        **{f"mobilenet-v3-small-{width}": partial(MobileNetV3Small, width) for width in mobilenet_v3.WIDTHS},
        **{f"pp-lcnet-{width}": partial(PPLCNet, width) for width in pp_lcnet.WIDTHS},
        PEAK: DensePeak,
    }
)

BASELINES = tuple(name for name in _BUILDERS if name != PEAK)
"""The names of the baselines: family and width."""


def build_baseline(name: str, classes: int = CLASSES) -> nn.Module:
    """The baseline as its paper defines it, in training form, for that many classes.

    Raises SettingsError on an unknown name.
    """
    if name not in _BUILDERS:
        raise SettingsError(f"unknown baseline {name!r}: choose from {', '.join(BASELINES)}")
    return _BUILDERS[name](classes)


def baseline_metadata(name: str, size: int = SIZE, classes: int = CLASSES) -> FileMetadata:
    """The metadata of a baseline's file, for images of size x size pixels."""
    labels = tuple(str(number) for number in range(classes))
    return FileMetadata(name, labels, Preprocessing.imagenet(size), checkpoint_sha256=None)


def random_baseline(name: str, size: int = SIZE, classes: int = CLASSES) -> nn.Module:
    """The baseline with random weights for timing, in inference form.

    Every linear layer gets a bias, zeros if it had none, for the file formats' single operator and for the
    bias correction of int8.
    """
    images = torch.from_numpy(Preprocessing.imagenet(size).batch(photographs()))
    network = with_random_weights(partial(build_baseline, name, classes), images)
    for layer in network.modules():
        if isinstance(layer, nn.Linear) and layer.bias is None:
            layer.bias = nn.Parameter(torch.zeros(layer.out_features))
    return network
