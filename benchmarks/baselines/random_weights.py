"""Weights for a peer: random, but with signals as healthy as a trained network's."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from micronet_edge.models.random_weights import SEED
from micronet_edge.util.threads import one_thread

_SETTLING_PASSES = 3
_LEAST_VARIANCE = 0.1  # of the layer's mean
_OFFSET = 0.5
"""Of every norm, in deviations. Around zero a hard swish blows up what differs between two signals, layer
upon layer: without it the logits of a random PP-LCNet in int8 are 9 dB above their noise, with it 19 dB, as
those of a random MicroNet are."""


def with_random_weights(build: Callable[[], nn.Module], images: Tensor) -> nn.Module:
    """The network with weights from a fixed seed, its norms settled on `images` [n, 3, size, size].

    Done as for a MicroNet without checkpoint: there fresh norms would let signals fade until every image
    gives the same logits.
    """
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(SEED)
        network = build()
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_in")
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # a plain average over the passes
                nn.init.constant_(module.bias, _OFFSET)
        network.train()
        with torch.no_grad():
            for _ in range(_SETTLING_PASSES):
                network(images)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            _lift_small_variances(module)
    return network.eval()


def _lift_small_variances(norm: nn.BatchNorm2d) -> None:
    """A channel that the few images leave constant would have its rounding errors blown up."""
    assert norm.running_var is not None
    norm.running_var.clamp_(min=float(norm.running_var.mean()) * _LEAST_VARIANCE)
