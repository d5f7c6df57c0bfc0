"""Checks weights for nonsense: negative variances, outputs beyond float32, layers of zeros."""

from pathlib import Path

import torch
from torch import Tensor, nn

from micronet_edge.errors import CheckpointError
from micronet_edge.models.micronet import INPUT_CHANNELS, TOTAL_STRIDE, MicroNet
from micronet_edge.util.text import listed
from micronet_edge.util.threads import one_thread

_PROBES = 3
_PROBE_SIZE = 2 * TOTAL_STRIDE


def check_sound(path: Path, network: MicroNet) -> None:
    """Runs a network in inference mode on three small images of noise, dark to bright, and checks it.

    Raises CheckpointError, naming tensors, on a negative variance, an output beyond float32, and a network
    that gives the same output for every image because layers are all zero.
    """
    for name, value in network.state_dict().items():
        if name.endswith("running_var") and bool((value < 0).any()):
            raise CheckpointError(
                f"{path}: tensor {name} holds a negative variance, {float(value.min()):.3g}: the file is "
                "damaged, or does not come from training; save it again"
            )
    logits, overflowing = _probed(network)
    if overflowing is not None:
        raise CheckpointError(
            f"{path}: layer {overflowing} gives values beyond float32 "
            f"({_reason(network, overflowing)}): the training run diverged, or the weights were scaled; give "
            "an earlier checkpoint"
        )
    zero = [
        name
        for name, value in network.named_parameters()
        if name.endswith("weight") and not value.detach().any()
    ]
    if zero and bool((logits == logits[0]).all()):
        raise CheckpointError(
            f"{path}: the network gives the same output for every image, since these weights are all zero: "
            f"{listed(zero)}; they were never set: give the trained checkpoint"
        )


def _probed(network: MicroNet) -> tuple[Tensor, str | None]:
    """The logits for the images of noise, and the first layer whose output is not finite."""
    overflowing: list[str] = []

    def watch(name: str, module: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def look(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            if not torch.isfinite(output).all():
                overflowing.append(name)

        return module.register_forward_hook(look)

    leaves = [(name, module) for name, module in network.named_modules() if not list(module.children())]
    hooks = [watch(name, module) for name, module in leaves]
    noise = torch.Generator().manual_seed(0)
    shape = (_PROBES, INPUT_CHANNELS, _PROBE_SIZE, _PROBE_SIZE)
    probes = torch.randn(shape, generator=noise) + torch.linspace(-1, 1, _PROBES).view(-1, 1, 1, 1)
    try:
        with torch.no_grad(), one_thread():
            logits: Tensor = network(probes)
    finally:
        for hook in hooks:
            hook.remove()
    return logits, overflowing[0] if overflowing else None


def _reason(network: MicroNet, layer: str) -> str:
    """The likely cause among the tensors up to a layer: variances of zero, or else the largest weight."""
    before = _up_to(network, layer)
    still = [name for name, value in before.items() if name.endswith("running_var") and not value.any()]
    if still:
        return f"the variances up to it are all zero: {listed(still)}"
    largest = max(before, key=lambda name: float(before[name].abs().max()))
    return f"the largest number up to it is {float(before[largest].abs().max()):.1e}, in {largest}"


def _up_to(network: MicroNet, layer: str) -> dict[str, Tensor]:
    """The tensors up to those of a layer, without counters."""
    values = {name: v for name, v in network.state_dict().items() if v.is_floating_point()}
    names = list(values)
    own = [place for place, name in enumerate(names) if name.startswith(f"{layer}.")]
    kept = names[: own[-1] + 1] if own else names  # an activation has none
    return {name: values[name] for name in kept}
