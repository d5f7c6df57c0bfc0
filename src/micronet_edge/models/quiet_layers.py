"""Finds inactive parts of a trained network: squeeze layers that never fire, channels that hardly vary."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from micronet_edge.data.preprocessing import Images
from micronet_edge.models.dynamic_shift_max import DynamicShiftMax
from micronet_edge.util.text import listed
from micronet_edge.util.threads import one_thread

NEARLY_CONSTANT = 1e-3
"""A channel hardly varies below this share of the variation of its layer's most varied channel."""

_IMAGES = 32


def notes_on_quiet_layers(network: nn.Module, images: Images, source: str) -> tuple[str, ...]:
    """Notes on the parts of a trained network that are inactive on these images, one line per kind.

    Given    the network as trained, preprocessed images [n, 3, size, size] and their origin
    """
    dead: list[str] = []
    constant: dict[str, int] = {}
    handles = [
        module.register_forward_hook(_watch(name, dead, constant))
        for name, module in network.named_modules()
        if isinstance(module, DynamicShiftMax | nn.BatchNorm2d)
    ]
    try:
        with torch.no_grad(), one_thread():
            network.eval()(torch.from_numpy(images[:: max(1, len(images) // _IMAGES)][:_IMAGES].copy()))
    finally:
        for handle in handles:
            handle.remove()
    notes = []
    if dead:
        notes.append(
            f"squeeze layers that never fire on {source}: {listed(dead)}; their coefficients are the same "
            "for every image, which more training with a smaller learning rate may fix"
        )
    if constant:
        channels = [f"{count} of {name}" for name, count in constant.items()]
        notes.append(
            f"channels that hardly vary on {source}: {listed(channels)}; the layers after them quantize "
            "coarsely"
        )
    return tuple(notes)


def _watch(
    name: str, dead: list[str], constant: dict[str, int]
) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    def watch(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(module, DynamicShiftMax):
            pooled = functional.adaptive_avg_pool2d(inputs[0], 1).flatten(1)
            if float(module.squeeze(pooled).max()) <= 0:
                dead.append(name)
        elif output.shape[2] * output.shape[3] > 1:
            channels = output.transpose(0, 1).flatten(1)
            spans = channels.amax(1) - channels.amin(1)
            if count := int((spans < NEARLY_CONSTANT * spans.max()).sum()):
                constant[name] = count

    return watch
