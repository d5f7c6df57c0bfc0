"""The range of every value of a recipe, by dotted name."""

from dataclasses import dataclass, fields
from math import isfinite

from micronet_edge.models import check_input_size
from micronet_edge.training.recipe import AugmentationRecipe, OptimizerRecipe, Recipe, ScheduleRecipe

_Record = Recipe | OptimizerRecipe | ScheduleRecipe | AugmentationRecipe


@dataclass(frozen=True, slots=True)
class Range:
    """Smallest and largest value; `above` excludes the smallest, `below` the largest."""

    least: float
    most: float
    above: bool = False
    below: bool = False

    def holds(self, value: float) -> bool:
        """Whether the value lies within."""
        low = value > self.least if self.above else value >= self.least
        high = value < self.most if self.below else value <= self.most
        return isfinite(value) and low and high

    def __str__(self) -> str:
        low = f"above {self.least:g}" if self.above else f"from {self.least:g}"
        return f"{low} {'and below' if self.below else 'to'} {self.most:g}"


_POSITIVE = Range(0, 1000, above=True)
_SHARE = Range(0, 1)
_BELOW_ONE = Range(0, 1, below=True)

RANGES = {
    "input_size": Range(32, 4096),
    "crop": Range(0, 1, above=True),
    "batch_size": Range(2, 65536),
    "label_smoothing": _BELOW_ONE,
    "dropout": _BELOW_ONE,
    "ema_decay": _BELOW_ONE,
    "distill_weight": _SHARE,
    "distill_temperature": _POSITIVE,
    "optimizer.lr": _POSITIVE,
    "optimizer.lr_batch_size": Range(1, 65536),
    "optimizer.momentum": _BELOW_ONE,
    "optimizer.weight_decay": _BELOW_ONE,
    "optimizer.clip_norm": Range(0, 1e6, above=True),
    "schedule.epochs": Range(1, 100_000),
    "schedule.warmup_epochs": Range(0, 100_000),
    "schedule.final": _SHARE,
    "schedule.patience": Range(1, 100_000),
    "schedule.head_epochs": Range(0, 100_000),
    "schedule.layer_decay": Range(0, 1, above=True),
    "augmentation.crop_area": Range(0, 1, above=True),
    "augmentation.crop_ratio": Range(0.1, 10),
    "augmentation.turn_degrees": Range(0, 180),
    "augmentation.scale": _BELOW_ONE,
    "augmentation.shift": _BELOW_ONE,
    "augmentation.brightness": _SHARE,
    "augmentation.contrast": _SHARE,
    "augmentation.saturation": _SHARE,
    "augmentation.hue": Range(0, 0.5),
    "augmentation.erase": _SHARE,
    "augmentation.mixup": Range(0, 10),
}


def recipe_values(recipe: Recipe) -> dict[str, object]:
    """All values of a recipe by dotted name, but for those of other variants."""
    return {name: value for name, value in _flat(recipe, "") if name != "variants"}


def _flat(record: _Record, prefix: str) -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for each in fields(record):
        value = getattr(record, each.name)
        name = prefix + each.name
        found += _flat(value, f"{name}.") if isinstance(value, _Record) else [(name, value)]
    return found


def recipe_problem(recipe: Recipe) -> str | None:
    """The first value out of range or in contradiction, with what is allowed; None if all are well."""
    for name, value in recipe_values(recipe).items():
        allowed = RANGES.get(name)
        numbers = value if isinstance(value, tuple) else (value,)
        for number in numbers:
            if allowed is not None and isinstance(number, int | float) and not allowed.holds(number):
                return f"{name} is {number:g}: give a number {allowed}"
        if isinstance(value, tuple) and value[0] > value[1]:
            return f"{name} is {list(value)}: give the smaller number first"
    schedule = recipe.schedule
    if schedule.head_epochs + schedule.warmup_epochs > schedule.epochs:
        return (
            f"schedule.head_epochs {schedule.head_epochs} and schedule.warmup_epochs "
            f"{schedule.warmup_epochs:g} leave nothing of schedule.epochs {schedule.epochs}: give more epochs"
        )
    check_input_size(recipe.input_size)
    return None
