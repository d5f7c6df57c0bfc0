"""Whether a layer computes for training, so that it may take its training form."""

import torch
from torch import Tensor


def gradient_wanted(*tensors: Tensor) -> bool:
    """Whether autograd records what is done with one of the tensors, and nobody reads the operators.

    False while a tracer, an exporter or a transform of torch.func reads them: those take the plain form.
    """
    if not torch.is_grad_enabled() or not all(isinstance(tensor, Tensor) for tensor in tensors):
        return False  # torch.fx passes proxies
    if torch.jit.is_tracing() or torch.compiler.is_compiling():  # type: ignore[attr-defined,no-untyped-call]
        return False
    if torch._C._are_functorch_transforms_active():  # noqa: SLF001 - there is no public name
        return False
    return any(tensor.requires_grad for tensor in tensors)
