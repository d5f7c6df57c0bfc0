"""How often a network is right on the validation images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn import functional

from micronet_edge.training.distributed import summed
from micronet_edge.training.task import Task


@dataclass(frozen=True, slots=True)
class Scores:
    """The share of right images, and the mean cross-entropy, over all processes."""

    top1: float
    loss: float


def validate(networks: Sequence[nn.Module], task: Task) -> list[Scores]:
    """Measures networks on all validation images, each once; leaves them in inference mode."""
    sums = torch.zeros(len(networks), 3, dtype=torch.float64)
    for network in networks:
        network.eval()
    with torch.inference_mode():
        for batch in task.validation:
            for place, network in enumerate(networks):
                sums[place] += _counted(_answered(network, batch.images, task), batch.classes)
    return [
        Scores(right / max(1.0, images), loss / max(1.0, images))
        for right, loss, images in summed(sums).tolist()
    ]


def _counted(logits: Tensor, classes: Tensor) -> Tensor:
    """The numbers of right images, their summed loss, and the number of images."""
    right = (logits.argmax(1) == classes).sum().double()
    loss = functional.cross_entropy(logits.double(), classes, reduction="sum")
    return torch.stack([right, loss, torch.tensor(len(classes), dtype=torch.float64)])


def probabilities(network: nn.Module, task: Task) -> Float32[np.ndarray, "images classes"]:
    """The network's answers to all validation images, in their order, in every process."""
    table = torch.zeros(task.plan.dataset.validation.count, task.classes)
    network.eval()
    with torch.inference_mode():
        for batch in task.validation:
            table[batch.numbers] = _answered(network, batch.images, task).softmax(1)
    return summed(table).numpy()


def _answered(network: nn.Module, images: Tensor, task: Task) -> Tensor:
    logits: Tensor = network(images.to(task.device, non_blocking=True))
    return logits.float().cpu()
