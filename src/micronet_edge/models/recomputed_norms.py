"""Batch norms whose outputs are recomputed for the gradients instead of kept.

A layer after a batch norm keeps the norm's output for its own gradient, and the norm keeps its input. The
output is one multiplication and one addition away from the input, so one of the two maps is enough.

Source: Rota Bulo et al., "In-Place Activated BatchNorm for Memory-Optimized Training of DNNs", CVPR 2018
(arXiv 1712.02616), section 3, which recomputes from the other side.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor

_Kept = Tensor | Callable[[], Tensor]

_NORM = "NativeBatchNormBackward0"
"""What autograd calls the step of a batch norm on the CPU. Others, cuDNN's among them, are kept as ever."""


def recomputed_norms() -> AbstractContextManager[None]:
    """A context: what is recorded within it keeps no output of a batch norm."""
    return torch.autograd.graph.saved_tensors_hooks(_keep, _give)


def _keep(tensor: Tensor) -> _Kept:
    norm = tensor.grad_fn
    if norm is None or norm.name() != _NORM:
        return tensor
    bias = getattr(norm.next_functions[2][0], "variable", None)
    x, weight, mean, invstd = (
        getattr(norm, f"_saved_{name}") for name in ("input", "weight", "result1", "result2")
    )
    if bias is None or weight is None or not mean.numel():
        return tensor  # frozen, without weights or in inference mode
    scale = weight.detach() * invstd
    offset = bias.detach() - mean * scale
    x = x.detach()

    def recompute() -> Tensor:
        y = x * scale.to(x.dtype)[:, None, None]
        return y.add_(offset.to(x.dtype)[:, None, None])

    return recompute


def _give(kept: _Kept) -> Tensor:
    return kept if isinstance(kept, Tensor) else kept()
