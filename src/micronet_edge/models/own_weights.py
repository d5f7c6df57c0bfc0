"""Checks the weights of a user's network: there, in float32 and finite."""

from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from micronet_edge.errors import NetworkError


def check_weights(name: str, network: nn.Module) -> None:
    """Raises NetworkError on weights without numbers, of another type than float32, and on NaN or infinity.

    Given    the network's name in messages
    """
    for own, tensor in chain(network.named_parameters(), network.named_buffers()):
        if is_lazy(tensor):
            raise NetworkError(f"{name}: {own} has no shape yet: run the network once on an input before")
        if tensor.is_meta:
            raise NetworkError(f"{name}: {own} is on the device meta, without numbers: load its weights")
    for own, tensor in network.state_dict().items():
        if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
            continue
        if tensor.dtype != torch.float32:
            raise NetworkError(f"{name}: {own} is {tensor.dtype}: give the network as .float()")
        if not tensor.isfinite().all():
            raise NetworkError(f"{name}: {own} contains NaN or infinity: train it again")
