"""Small training runs on images in memory, with loaders that keep the real ones' promises."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.settings import TrainSettings
from micronet_edge.training.distributed import World
from micronet_edge.training.events import Plan
from micronet_edge.training.images import Dataset, ImageSet
from micronet_edge.training.recipe import OptimizerRecipe, Recipe, ScheduleRecipe
from micronet_edge.training.start import starting_network
from micronet_edge.training.state import run_facts
from micronet_edge.training.task import Task

SIZE = 32
PREPROCESSING = Preprocessing(size=SIZE, resize=SIZE, mean=(0.5,) * 3, std=(0.25,) * 3)
QUICK = Recipe(
    input_size=SIZE,
    batch_size=8,
    dropout=0.1,
    ema_decay=0.9,
    optimizer=OptimizerRecipe(lr=0.05, lr_batch_size=8, clip_norm=5.0),
    schedule=ScheduleRecipe(epochs=3, warmup_epochs=1),
)


@dataclass
class Batch:
    images: torch.Tensor
    classes: torch.Tensor
    numbers: torch.Tensor


@dataclass
class Pictures:
    """Noise around a colour pattern for each class: uint8 [n, 3, SIZE, SIZE]."""

    images: torch.Tensor
    classes: torch.Tensor

    @classmethod
    def drawn(cls, count, classes, seed):
        random = torch.Generator().manual_seed(seed)
        patterns = torch.rand(classes, 3, 4, 4, generator=torch.Generator().manual_seed(99))
        which = torch.arange(count) % classes
        clean = torch.nn.functional.interpolate(patterns[which], size=SIZE)
        noise = 0.3 * torch.randn(count, 3, SIZE, SIZE, generator=random)
        return cls(((clean + noise).clamp(0, 1) * 255).to(torch.uint8), which)


@dataclass
class Training:
    pictures: Pictures
    batch_size: int
    seed: int = 0
    world: World = World()  # noqa: RUF009 - frozen

    @property
    def steps_per_epoch(self):
        return len(self.pictures.classes) // self.batch_size

    def epoch(self, number, first_step=0):
        random = torch.Generator().manual_seed(1000 * self.seed + number)
        order = torch.randperm(len(self.pictures.classes), generator=random)
        share = self.batch_size // self.world.size
        for step in range(first_step, self.steps_per_epoch):
            start = step * self.batch_size + self.world.rank * share
            members = order[start : start + share]
            yield Batch(self.pictures.images[members], self.pictures.classes[members], members)


@dataclass
class Validation:
    pictures: Pictures
    world: World = World()  # noqa: RUF009 - frozen

    def __iter__(self):
        mine = torch.arange(len(self.pictures.classes))[self.world.rank :: self.world.size]
        for members in mine.split(16):
            images = normalized(self.pictures.images[members])
            yield Batch(images, self.pictures.classes[members], members)


def normalized(images):
    return (images.float() / 255 - 0.5) / 0.25


def shaken(images, classes, _count):
    """An augmentation that draws from PyTorch's own generator."""
    return normalized(images) + 0.1 * torch.randn(len(images), 1, 1, 1), classes


def still(images, classes, _count):
    return normalized(images), classes


def make_task(folder: Path, recipe=QUICK, *, train=40, classes=4, **other):
    settings = TrainSettings(**other.pop("settings", {}))
    world = other.pop("world", World())
    labels = tuple("abcdefghij"[:classes])
    pictures = other.pop("pictures", Pictures.drawn(train, classes, 1))
    seen = other.pop("seen", Pictures.drawn(24, classes, 2))
    dataset = Dataset(
        ImageSet(None, tuple(pictures.classes.tolist())),
        ImageSet(None, tuple(seen.classes.tolist())),
        labels,
        sha256="of the pictures",
        source="memory",
    )
    start = starting_network(other.pop("checkpoint", None), labels, recipe, settings)
    training = other.pop("training", Training(pictures, recipe.batch_size, settings.seed, world))
    plan = Plan(
        name="small",
        variant=start.network.variant.name,
        recipe_name="quick",
        recipe=recipe,
        preprocessing=PREPROCESSING,
        dataset=dataset,
        device="cpu",
        processes=world.size,
        steps_per_epoch=training.steps_per_epoch,
    )
    task = Task(
        plan=plan,
        start=start,
        training=training,
        validation=Validation(seen, world),
        augment=other.pop("augment", shaken),
        folder=folder,
        facts=run_facts(plan, start, other.get("teacher"), settings.seed),
        seed=settings.seed,
        world=world,
    )
    return replace(task, **other)
