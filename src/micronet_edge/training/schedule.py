"""The learning rate of every step: the head alone, a linear warm-up, then half a cosine."""

from dataclasses import dataclass
from math import cos, pi

from micronet_edge.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Schedule:
    """The learning rate by step, counted from 0 over all epochs.

    Attributes:
        lr: largest rate.
        final: last rate as a share of it.
        head_steps: steps at the start that train only the head, at the largest rate.
        warmup_steps: steps after them in which the rate rises.
        total_steps: of the whole run.
    """

    lr: float
    final: float
    head_steps: int
    warmup_steps: int
    total_steps: int

    def at(self, step: int) -> float:
        """The rate of a step."""
        if step < self.head_steps:
            return self.lr
        step -= self.head_steps
        if step < self.warmup_steps:
            return self.lr * (step + 1) / self.warmup_steps
        falling = max(1, self.total_steps - self.head_steps - self.warmup_steps)
        done = min(1.0, (step - self.warmup_steps) / falling)
        return self.lr * (self.final + (1 - self.final) * (1 + cos(pi * done)) / 2)


def schedule_of(recipe: Recipe, steps_per_epoch: int, *, head: bool) -> Schedule:
    """The schedule of a recipe; `head` says whether there is a new head to train alone."""
    schedule, optimizer = recipe.schedule, recipe.optimizer
    return Schedule(
        lr=optimizer.lr * recipe.batch_size / optimizer.lr_batch_size,
        final=schedule.final,
        head_steps=schedule.head_epochs * steps_per_epoch if head else 0,
        warmup_steps=round(schedule.warmup_epochs * steps_per_epoch),
        total_steps=schedule.epochs * steps_per_epoch,
    )
