"""Squeeze layers that never fire and channels that hardly vary are named."""

import numpy as np
import torch

from micronet_edge.models import MicroNet
from micronet_edge.models.quiet_layers import notes_on_quiet_layers
from micronet_edge.models.random_weights import random_network

IMAGES = np.random.default_rng(0).standard_normal((8, 3, 64, 64)).astype(np.float32)


def network() -> MicroNet:
    return random_network("m0", 5, torch.from_numpy(IMAGES))


def test_a_lively_network_gets_no_line():
    assert notes_on_quiet_layers(network(), IMAGES, "noise") == ()


def test_what_does_nothing_is_named():
    quiet = network()
    with torch.no_grad():
        quiet.get_submodule("features.block2.depthwise_activation.squeeze").bias.fill_(-100.0)
        quiet.get_submodule("features.stem.vertical_norm").weight[1] = 0.0
    dead, constant = notes_on_quiet_layers(quiet, IMAGES, "noise")
    assert dead.startswith("squeeze layers that never fire on noise: features.block2.depthwise_activation;")
    assert constant.startswith("channels that hardly vary on noise: 1 of features.stem.vertical_norm")
