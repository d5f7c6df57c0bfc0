"""The loss: cross-entropy with label smoothing, and distillation from a teacher."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from micronet_edge.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Loss:
    """The training loss of a recipe.

    Attributes:
        smoothing: share of the target that all classes share.
        weight: share of the loss that comes from a teacher.
        temperature: of both softmaxes there.
    """

    smoothing: float = 0.0
    weight: float = 0.0
    temperature: float = 1.0

    def __call__(self, logits: Tensor, target: Tensor, taught: Tensor | None = None) -> Tensor:
        """The mean loss of a batch.

        Args:
            logits: [n, classes].
            target: class indices [n], or probabilities [n, classes] of mixed images.
            taught: the teacher's logits [n, classes].
        """
        logits = logits.float()
        own = functional.cross_entropy(logits, target, label_smoothing=self.smoothing)
        if taught is None or not self.weight:
            return own
        return (1 - self.weight) * own + self.weight * self._distillation(logits, taught.float())

    def _distillation(self, logits: Tensor, taught: Tensor) -> Tensor:
        """Kullback-Leibler divergence of the softened answers, scaled back by the squared temperature.

        Source: Hinton et al., arXiv 1503.02531, section 2.
        """
        student = functional.log_softmax(logits / self.temperature, dim=1)
        teacher = functional.log_softmax(taught / self.temperature, dim=1)
        divergence = functional.kl_div(student, teacher, reduction="batchmean", log_target=True)
        return divergence * self.temperature**2


def loss_of(recipe: Recipe, *, taught: bool) -> Loss:
    """The loss of a recipe, with or without a teacher."""
    weight = recipe.distill_weight if taught else 0.0
    return Loss(recipe.label_smoothing, weight, recipe.distill_temperature)
