"""Random weights under which the input matters, as in a trained network."""

import torch
from torch import nn

SEED = 0
SETTLING_BATCHES, BATCH = 3, 8


def settled(make, *shapes):
    """The network with weights from a fixed seed and settled batch statistics, in inference form.

    Given    a function that makes it; the shapes of its inputs, without the batch
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        network = make()
        network.apply(_draw)
        network.train()
        with torch.no_grad():
            for _ in range(SETTLING_BATCHES):
                network(*(torch.randn(BATCH, *shape) for shape in shapes))
    return network.eval()


def _draw(layer):
    if isinstance(layer, nn.Conv1d | nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight)
    elif isinstance(layer, nn.ConvTranspose2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out")
    elif isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
    elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
        layer.momentum = None  # a plain average over the batches
        nn.init.normal_(layer.weight, 1.0, 0.2)
        nn.init.normal_(layer.bias, 0.3, 0.2)
    elif isinstance(layer, nn.LayerNorm | nn.GroupNorm):
        nn.init.normal_(layer.weight, 1.0, 0.2)
        nn.init.normal_(layer.bias, 0.0, 0.2)
    if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d | nn.Linear) and layer.bias is not None:
        nn.init.normal_(layer.bias, 0.0, 0.1)
