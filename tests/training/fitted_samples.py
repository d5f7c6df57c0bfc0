"""A training run that ended, made by hand: real images, and answers as a network would give them."""

import io
from dataclasses import dataclass, replace
from math import cos, exp, pi
from pathlib import Path

import numpy as np
from PIL import Image

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.training.events import Epoch, Fitted, Plan
from micronet_edge.training.images import Dataset, ImageSet
from micronet_edge.training.recipe import Recipe

PREPROCESSING = Preprocessing(size=64, resize=64)


@dataclass(frozen=True)
class Kept:
    """Images in memory."""

    images: tuple[bytes, ...]
    start: str = "photos"

    def __len__(self):
        return len(self.images)

    def read(self, index):
        return self.images[index]

    def name(self, index):
        return f"{self.start}/{index:04d}.png"


def encoded(array):
    written = io.BytesIO()
    Image.fromarray(array).save(written, "PNG")
    return written.getvalue()


def plain(number, size=80):
    """An image of a single colour of its own, so that it is known again."""
    colour = (37 * number % 200 + 30, 91 * number % 200 + 30, 151 * number % 200 + 30)
    return encoded(np.full((size, size, 3), colour, np.uint8))


def epochs(count, *, averaged=True):
    history = []
    for number in range(1, count + 1):
        top1 = 0.95 * (1 - exp(-4 * number / count))
        raw = top1 - 0.03 * abs(cos(7 * number)) if averaged else top1
        history.append(
            Epoch(
                epoch=number,
                lr=0.05 * (1 + cos(pi * number / count)),
                loss=2.3 * exp(-3 * number / count) + 0.1,
                top1=top1,
                raw_top1=raw,
                validation_loss=2.2 * exp(-2.6 * number / count) + 0.2 + 0.05 * cos(5 * number),
                best=True,
                train_seconds=12.5,
                images_per_second=112.0,
                waited_seconds=0.4,
            )
        )
    return tuple(history)


def fitted(
    labels=("cat", "dog", "owl"), *, each=8, wrong=((0, 1), (9, 2), (10, 2)), images=None, folder=None
):
    """A run on `each` validation images of each class; `wrong` says which are taken for which class."""
    count = each * len(labels)
    truth = tuple(index // each for index in range(count))
    kept = tuple(images or (plain(index) for index in range(count)))
    answers = dict(enumerate(truth)) | dict(wrong)
    probabilities = np.full((count, len(labels)), 0.2 / max(len(labels) - 1, 1), np.float32)
    for index, answer in answers.items():
        certainty = 0.8 if answer == truth[index] else 0.6 + 0.3 * (index + 1) / count
        probabilities[index] *= (1 - certainty) / 0.2
        probabilities[index, answer] = certainty
    dataset = Dataset(
        train=ImageSet(Kept(kept * 3), truth * 3),
        validation=ImageSet(Kept(kept), truth),
        labels=tuple(labels),
        sha256="0123456789abcdef" * 4,
        source="photos",
        divided=True,
    )
    plan = Plan(
        name="m0-photos",
        variant="m0",
        recipe_name="small",
        recipe=Recipe(),
        preprocessing=PREPROCESSING,
        dataset=dataset,
        device="cpu",
        processes=1,
        steps_per_epoch=10,
        lines=("MicroNet m0, from random weights",),
    )
    history = epochs(30)
    return Fitted(
        plan=plan,
        checkpoint=(folder or Path("m0-photos")) / "m0-photos.safetensors",
        history=history,
        best=history[-3],
        ended="all epochs",
        probabilities=probabilities,
    )


def with_dataset(run, **changes):
    """The same run on a dataset that differs in these fields."""
    return replace(run, plan=replace(run.plan, dataset=replace(run.plan.dataset, **changes)))
