"""Parameters and multiply-adds of a network, in both conventions of the field.

One convention counts convolutions and linear layers alone. The MicroNet papers also count the
multiplies of Dynamic Shift-Max, one per coefficient and output element (arXiv 2108.05894, table 4).
"""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from micronet_edge.models.dynamic_shift_max import DynamicShiftMax

_CONTAINERS_WITHOUT_WORK = (nn.Identity, nn.Dropout)


@dataclass(frozen=True, slots=True)
class Count:
    """What one image costs; `uncounted` names the kinds of layer whose arithmetic is left out."""

    params: int
    conv_madds: int
    linear_madds: int
    shift_max_madds: int
    uncounted: tuple[str, ...]

    @property
    def conv_linear_madds(self) -> int:
        return self.conv_madds + self.linear_madds

    @property
    def paper_madds(self) -> int:
        return self.conv_linear_madds + self.shift_max_madds


def count(network: nn.Module, input_size: int = 224) -> Count:
    """Counts one image [1, 3, input_size, input_size] through the network, layer by layer."""
    probe = copy.deepcopy(network).to("meta").eval()
    totals = {"conv": 0, "linear": 0, "shift_max": 0}
    uncounted: set[str] = set()

    def add(module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        match module:
            case nn.Conv2d():
                window = module.kernel_size[0] * module.kernel_size[1]
                totals["conv"] += output.numel() * window * module.in_channels // module.groups
            case nn.Linear():
                totals["linear"] += module.in_features * output.numel()
            case DynamicShiftMax():
                totals["shift_max"] += output.numel() * module.fusions * module.shifts
            case _:
                uncounted.add(type(module).__name__)

    for module in probe.modules():
        works = not any(module.children()) and not isinstance(module, _CONTAINERS_WITHOUT_WORK)
        if works or isinstance(module, DynamicShiftMax):
            module.register_forward_hook(add)
    with torch.no_grad():
        probe(torch.empty(1, 3, input_size, input_size, device="meta"))
    return Count(
        params=sum(parameter.numel() for parameter in network.parameters()),
        conv_madds=totals["conv"],
        linear_madds=totals["linear"],
        shift_max_madds=totals["shift_max"],
        uncounted=tuple(sorted(uncounted)),
    )
