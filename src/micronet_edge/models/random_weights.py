"""A network with random weights whose signals are scaled as in a trained one."""

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
    """The variant with weights from a fixed seed and batch norms adapted to `images` [n, 3, size, size].

    With fresh norms the signal fades through twenty layers until every image gives the same logits, which
    would make proofs and timings meaningless.
    """
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(SEED)
        network = MicroNet(variant, num_classes)
        for module in network.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=module.in_features**-0.5)
            if isinstance(module, _NORMS):
                module.momentum = None  # a plain average over the forward passes
        for module in network.modules():
            if isinstance(module, DynamicShiftMax):
                # Coefficients that vary strongly with the input would make the network chaotic.
                module.excite.weight.data.mul_(_GATE_GAIN)
        network.train()
        with torch.no_grad():
            for _ in range(_SETTLING_PASSES):
                network(images)
    for module in network.modules():
        if isinstance(module, _NORMS):
            lift_small_variances(module)
    return network.eval()


def lift_small_variances(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    """Raises small variances: a channel that is constant on the few images would amplify rounding errors."""
    assert norm.running_var is not None
    norm.running_var.clamp_(min=float(norm.running_var.mean()) * _LEAST_VARIANCE)
