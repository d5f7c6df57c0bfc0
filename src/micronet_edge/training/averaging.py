"""An exponential moving average of a network's weights, with its norms' statistics.

The decay warms up as min(decay, (1 + t) / (10 + t)), so that the first weights, which are random, soon
count for nothing. Running means and variances are averaged like the weights that made them, since those of
the last step belong to other weights.

Source: torch.optim.swa_utils; the warm-up is that of TensorFlow's ExponentialMovingAverage.
"""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

_WARMUP = 10


def decay_at(decay: float, step: int) -> float:
    """The decay of the average at its step t, from 0."""
    return min(decay, (1 + step) / (_WARMUP + step))


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """An average that starts at the network's own weights."""

    def blend(averages: list[Tensor], latest: list[Tensor], count: Tensor | int) -> None:
        if not averages[0].is_floating_point():  # counters and indices
            torch._foreach_copy_(averages, latest)
            return
        weight = 1 - decay_at(decay, int(count))
        torch._foreach_lerp_(averages, latest, weight)

    average = AveragedModel(network, multi_avg_fn=blend, use_buffers=True)  # type: ignore[arg-type]
    average.eval().requires_grad_(requires_grad=False)
    return average
