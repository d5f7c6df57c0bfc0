"""Batch norms whose outputs are recomputed for the gradients instead of kept.

A layer after a batch norm keeps the norm's output for its own gradient, and the norm keeps its input. The
output is one multiplication and one addition away from the input, so one of the two maps is enough.

Source: Rota Bulo et al., "In-Place Activated BatchNorm for Memory-Optimized Training of DNNs", CVPR 2018
(arXiv 1712.02616), section 3, which recomputes from the other side.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

_Kept = Tensor | Callable[[], Tensor]

_NORM = "NativeBatchNormBackward0"
"""What autograd calls the step of a batch norm on the CPU. Others, cuDNN's among them, are kept as ever."""

_OWN_NORM = "_BatchNormBackward"
"""The same for `norm_function`."""


def recomputed_norms(image: Tensor, reordered: Tensor) -> AbstractContextManager[None]:
    """A context: what is recorded within it keeps no output of a batch norm.

    `reordered` is a copy of `image` in another memory format. It is not kept either, but made again.
    The caller holds it as long as the context lasts: it is known by its address.
    """
    version = image._version  # noqa: SLF001 - autograd's own check compares it as well
    # Its address alone: what is recorded holds this function, which must not hold the copy.
    address = None if reordered is image else reordered.data_ptr()

    def keep(tensor: Tensor) -> _Kept:
        if tensor.data_ptr() == address:
            return lambda: _reordered(image, version)
        return _keep(tensor)

    return torch.autograd.graph.saved_tensors_hooks(keep, _give)


def _reordered(image: Tensor, version: int) -> Tensor:
    if image._version != version:  # noqa: SLF001 - as above
        raise RuntimeError(
            "the images were changed in place between forward and backward: pass a copy to the network"
        )
    return image.contiguous(memory_format=torch.channels_last)


def _keep(tensor: Tensor) -> _Kept:
    norm = tensor.grad_fn
    name = None if norm is None else norm.name()
    if name not in (_NORM, _OWN_NORM):
        return tensor
    found = _own_recipe(norm) if name == _OWN_NORM else _recipe(norm)
    if found is None:
        return tensor
    x, scale, offset = found

    def recompute() -> Tensor:
        y = x * scale.to(x.dtype)[:, None, None]
        return y.add_(offset.to(x.dtype)[:, None, None])

    return recompute


def _recipe(norm: Any) -> tuple[Tensor, Tensor, Tensor] | None:  # noqa: ANN401 - a node of autograd's graph
    """Input, scale and offset of a batch norm; None if frozen, without weights or in inference mode."""
    bias = getattr(norm.next_functions[2][0], "variable", None)
    x, weight, mean, inverse = (
        getattr(norm, f"_saved_{name}") for name in ("input", "weight", "result1", "result2")
    )
    if bias is None or weight is None or not mean.numel():
        return None
    scale = weight.detach() * inverse
    return x.detach(), scale, bias.detach() - mean * scale


def _own_recipe(norm: Any) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401 - a node of autograd's graph
    x, scale, offset, *_ = norm.saved_tensors
    return x.detach(), scale, offset


def _give(kept: _Kept) -> Tensor:
    return kept if isinstance(kept, Tensor) else kept()
