"""Batch norms over the whole batch of all processes, on any device.

PyTorch's SyncBatchNorm runs on CUDA only. Here each process puts its mean and variance into its own row of a
table, and a sum over all processes completes it. So no variance is computed as a difference of large numbers.
"""

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional

_Norm = nn.BatchNorm1d | nn.BatchNorm2d


class _Sum(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is the sum of their gradients."""

    @staticmethod
    def forward(_ctx: FunctionCtx, tensor: Tensor) -> Tensor:
        total = tensor.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_ctx: FunctionCtx, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total


def _shared_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance [c] of a batch [n, c, ...] of which each process holds an equal part."""
    dims = [0, *range(2, x.ndim)]
    variance, mean = torch.var_mean(x, dim=dims, correction=0)
    own = torch.zeros(dist.get_world_size(), 1, 1, dtype=x.dtype, device=x.device)
    own[dist.get_rank()] = 1
    table: Tensor = _Sum.apply(own * torch.stack([mean, variance]))  # type: ignore[no-untyped-call]
    means, variances = table[:, 0], table[:, 1]
    whole = means.mean(0)
    return whole, (variances + (means - whole) ** 2).mean(0)


class SyncedNorm(nn.Module):
    """A batch norm that takes its statistics from the batch of all processes; its tensors are the norm's own.

    Given    x [n, c, ...], with the same n in every process
    """

    def __init__(self, norm: _Norm) -> None:
        super().__init__()
        self.weight, self.bias = norm.weight, norm.bias
        self.eps, self.momentum = norm.eps, norm.momentum
        for name, buffer in norm.named_buffers(recurse=False):
            self.register_buffer(name, buffer)
        self.running_mean: Tensor
        self.running_var: Tensor
        self.num_batches_tracked: Tensor

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
            )
        mean, variance = _shared_statistics(x)
        count = x.numel() // x.shape[1] * dist.get_world_size()
        self._update(mean.detach(), variance.detach() * count / max(1, count - 1))
        shape = [1, -1, *[1] * (x.ndim - 2)]
        scale = (variance + self.eps).rsqrt() * self.weight
        return (x - mean.view(shape)) * scale.view(shape) + self.bias.view(shape)

    def _update(self, mean: Tensor, variance: Tensor) -> None:
        self.num_batches_tracked.add_(1)
        momentum = self.momentum if self.momentum is not None else 1 / int(self.num_batches_tracked)
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance, momentum)


def sync_norms(network: nn.Module) -> None:
    """Replaces every batch norm of a network; names and tensors stay."""
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, _Norm):
                setattr(module, name, SyncedNorm(child).train(child.training))
