"""A network without a checkpoint: random weights, but with signals as healthy as a trained one's."""

import torch
from torch import Tensor, nn

from micronet_edge.models.micronet import MicroNet

SEED = 0
_SETTLING_PASSES = 3


def random_network(variant: str, num_classes: int, images: Tensor) -> MicroNet:
    """The variant with weights from a fixed seed, its norms settled on `images` [n, 3, size, size].

    Fresh norms let signals fade through twenty layers until every image gives the same logits, and
    then no proof or timing on the network would mean anything.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        network = MicroNet(variant, num_classes)
        for module in network.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.momentum = None  # a plain average over the passes
        network.train()
        with torch.no_grad():
            for _ in range(_SETTLING_PASSES):
                network(images)
    return network.eval()
