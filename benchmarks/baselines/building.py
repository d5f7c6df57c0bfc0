"""The peers by name, ready to export."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import torch
from torch import nn

from baselines import mobilenet_v3, pp_lcnet
from baselines.mobilenet_v3 import MobileNetV3Small
from baselines.peak import PEAK, DensePeak
from baselines.pp_lcnet import PPLCNet
from baselines.random_weights import with_random_weights
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import SettingsError

SIZE, CLASSES = 224, 1000
PREPROCESSING = Preprocessing.imagenet(SIZE)

_BUILDERS: Mapping[str, Callable[[], nn.Module]] = MappingProxyType(
    {
        **{
            f"mobilenet-v3-small-{width}": partial(MobileNetV3Small, width, CLASSES)
            for width in mobilenet_v3.WIDTHS
        },
        **{f"pp-lcnet-{width}": partial(PPLCNet, width, CLASSES) for width in pp_lcnet.WIDTHS},
        PEAK: partial(DensePeak, CLASSES),
    }
)

PEERS = tuple(name for name in _BUILDERS if name != PEAK)
"""Their names: family and width."""


def build_peer(name: str) -> nn.Module:
    """The peer as its paper defines it, in training form.

    Raises SettingsError on a name that is no peer's.
    """
    if name not in _BUILDERS:
        raise SettingsError(f"unknown peer {name!r}: choose from {', '.join(PEERS)}")
    return _BUILDERS[name]()


def peer_metadata(name: str) -> FileMetadata:
    """What a peer's file says of it."""
    labels = tuple(str(number) for number in range(CLASSES))
    return FileMetadata(name, labels, PREPROCESSING, checkpoint_sha256=None)


def random_peer(name: str) -> nn.Module:
    """The peer with random weights for timing, in inference form.

    Every linear layer is given a bias, of zeros where it had none: the file formats' one operator for
    such a layer, and the correction of int8's mean errors, want one.
    """
    images = torch.from_numpy(PREPROCESSING.batch(photographs()))
    network = with_random_weights(partial(build_peer, name), images)
    for layer in network.modules():
        if isinstance(layer, nn.Linear) and layer.bias is None:
            layer.bias = nn.Parameter(torch.zeros(layer.out_features))
    return network
