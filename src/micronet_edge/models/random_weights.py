"""A network without a checkpoint: random weights, but with signals as healthy as a trained one's."""

import torch
from torch import Tensor, nn

from micronet_edge.models.dynamic_shift_max import DynamicShiftMax
from micronet_edge.models.micronet import MicroNet
from micronet_edge.util.threads import one_thread

SEED = 0
_SETTLING_PASSES = 3
_GATE_GAIN = 0.3
_LEAST_VARIANCE = 0.1  # of the layer's mean
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def random_network(variant: str, num_classes: int, images: Tensor) -> MicroNet:
    """The variant with weights from a fixed seed, its norms settled on `images` [n, 3, size, size].

    Fresh norms let signals fade through twenty layers until every image gives the same logits, and
    then no proof or timing on the network would mean anything.
    """
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(SEED)
        network = MicroNet(variant, num_classes)
        for module in network.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
            if isinstance(module, _NORMS):
                module.momentum = None  # a plain average over the passes
        for module in network.modules():
            if isinstance(module, DynamicShiftMax):
                # Coefficients that swing with the input, layer upon layer, would make it chaotic.
                module.excite.weight.data.mul_(_GATE_GAIN)
        network.train()
        with torch.no_grad():
            for _ in range(_SETTLING_PASSES):
                network(images)
    for module in network.modules():
        if isinstance(module, _NORMS):
            _lift_small_variances(module)
    return network.eval()


def _lift_small_variances(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    """A channel that the few images leave constant would have its rounding errors blown up."""
    assert norm.running_var is not None
    norm.running_var.clamp_(min=float(norm.running_var.mean()) * _LEAST_VARIANCE)
