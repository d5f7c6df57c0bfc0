"""How often a network is right on the validation images."""

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


def validate(network: nn.Module, task: Task) -> Scores:
    """Measures a network, in inference mode, on all validation images, each once.

    The network is in the mode it had before afterwards.
    """
    sums = torch.zeros(3, dtype=torch.float64)
    training = network.training
    network.eval()
    with torch.inference_mode():
        for batch in task.validation:
            logits, classes = _answered(network, batch.images, task), batch.classes
            right = (logits.argmax(1) == classes).sum()
            loss = functional.cross_entropy(logits.double(), classes, reduction="sum")
            sums += torch.stack([right.double(), loss, torch.tensor(len(classes), dtype=torch.float64)])
    network.train(training)
    right_images, loss_sum, images = summed(sums).tolist()
    return Scores(right_images / max(1.0, images), loss_sum / max(1.0, images))


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
