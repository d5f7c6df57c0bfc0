"""Batches depend on the seed, the epoch and the step alone: not on workers, processes or where one starts."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import MicronetEdgeError, SettingsError
from micronet_edge.training.images import ImageSet
from micronet_edge.training.loader import LoaderSettings, TrainingLoader, ValidationLoader, loader_speed
from micronet_edge.training.recipe import AugmentationRecipe, Recipe
from micronet_edge.training.sampling import balanced_order, epoch_order
from micronet_edge.training.stores import FolderStore

SMALL = Preprocessing(size=16, resize=18)
CROPS = Recipe(augmentation=AugmentationRecipe(crop_area=(0.2, 1.0)))
COUNT = 22


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number in range(COUNT):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 24, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    return folder


@pytest.fixture
def images(folder):
    return ImageSet(
        FolderStore(folder, [f"{number:02d}.png" for number in range(COUNT)]), (0, 0, 1) * 7 + (2,)
    )


def training(images, recipe=CROPS, **settings):
    return TrainingLoader(images, SMALL, recipe, LoaderSettings(**{"batch_size": 6, "seed": 3, **settings}))


def same(left, right):
    left, right = list(left), list(right)
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        for name in ("images", "classes", "numbers"):
            assert torch.equal(getattr(one, name), getattr(other, name)), name
    return True


# --- Training


def test_an_epoch_holds_each_image_at_most_once_in_whole_batches(images):
    loader = training(images)
    batches = list(loader.epoch(1))
    assert len(batches) == loader.steps_per_epoch == 3
    for batch in batches:
        assert (batch.images.shape, batch.images.dtype) == ((6, 3, 16, 16), torch.uint8)
        assert batch.classes.tolist() == [images.classes[number] for number in batch.numbers]
        assert batch.classes.dtype == batch.numbers.dtype == torch.int64
    numbers = torch.cat([batch.numbers for batch in batches])
    assert len(set(numbers.tolist())) == 18


def test_epochs_and_seeds_differ_and_repeat(images):
    loader = training(images)
    assert same(loader.epoch(2), loader.epoch(2))
    orders = [
        torch.cat([batch.numbers for batch in each]).tolist()
        for each in (loader.epoch(1), loader.epoch(2), training(images, seed=4).epoch(1))
    ]
    assert len(set(map(tuple, orders))) == 3


def test_a_crop_belongs_to_the_image_and_the_epoch_and_not_to_its_place(images):
    one = {}
    for batch in training(images).epoch(1):
        one.update(zip(batch.numbers.tolist(), batch.images, strict=True))
    other = training(images, batch_size=COUNT)
    (batch,) = other.epoch(1)
    for number, image in zip(batch.numbers.tolist(), batch.images, strict=True):
        assert number not in one or torch.equal(one[number], image)
    (later,) = other.epoch(2)
    assert not torch.equal(batch.images[batch.numbers.argsort()], later.images[later.numbers.argsort()])


def test_workers_change_nothing_and_stay_from_epoch_to_epoch(images):
    alone, shared = training(images), training(images, workers=2)
    try:
        state = torch.get_rng_state()
        assert same(alone.epoch(1), shared.epoch(1))
        assert torch.equal(torch.get_rng_state(), state)
        first = shared.epoch(2)
        next(first)  # left early, as an interrupted epoch is
        first.close()
        assert same(alone.epoch(3, first_step=1), shared.epoch(3, first_step=1))
    finally:
        shared.close()


@pytest.mark.parametrize("recipe", [CROPS, Recipe(balanced=True)])
def test_a_resumed_epoch_is_the_rest_of_it(images, recipe):
    loader = training(images, recipe)
    for first in range(loader.steps_per_epoch + 1):
        assert same(loader.epoch(5, first_step=first), list(loader.epoch(5))[first:])


@pytest.mark.parametrize("world", [2, 3, 6])
def test_ranks_share_each_batch(images, world):
    parts = [list(training(images, rank=rank, world=world).epoch(1)) for rank in range(world)]
    for step, whole in enumerate(training(images).epoch(1)):
        for name in ("images", "classes", "numbers"):
            joined = torch.cat([getattr(part[step], name) for part in parts])
            assert torch.equal(joined, getattr(whole, name))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.integers(-5, 5), st.integers(0, 9))
def test_balanced_draws_take_each_class_equally_often(classes, seed, epoch):
    order = balanced_order(classes, seed, epoch)
    assert len(order) == len(classes)
    drawn = np.asarray(classes)[order]
    counts = [int((drawn == each).sum()) for each in set(classes)]
    assert max(counts) - min(counts) <= 1
    for each in set(classes):
        own = order[drawn == each]
        times = np.bincount(own, minlength=len(classes))[np.asarray(classes) == each]
        assert times.max() - times.min() <= 1
    assert np.array_equal(order, balanced_order(classes, seed, epoch))


@given(st.integers(1, 200), st.integers(-5, 2**70), st.integers(0, 9))
def test_an_order_is_a_permutation(count, seed, epoch):
    assert sorted(epoch_order(count, seed, epoch)) == list(range(count))


def test_unequal_and_too_large_batches_are_refused(images, refusal):
    message = refusal(SettingsError, training, images, batch_size=23)
    assert message.endswith("as many training images, and there are 22: give --batch-size 22 or less")
    message = refusal(SettingsError, training, images, batch_size=7, world=3)
    assert message.endswith("cannot be shared among 3 processes equally: give --batch-size 6")


# --- Validation


@pytest.mark.parametrize("workers", [0, 1])
def test_validation_images_are_those_of_evaluation_in_order(images, folder, workers):
    loader = ValidationLoader(images, SMALL, LoaderSettings(batch_size=5, workers=workers))
    expected = SMALL.batch(sorted(folder.iterdir()))
    try:
        for _ in range(2):
            batches = list(loader)
            assert torch.cat([batch.numbers for batch in batches]).tolist() == list(range(COUNT))
            assert np.array_equal(torch.cat([batch.images for batch in batches]).numpy(), expected)
            assert tuple(torch.cat([batch.classes for batch in batches]).tolist()) == images.classes
    finally:
        loader.close()


@pytest.mark.parametrize("world", [1, 2, 3, 23])
def test_all_ranks_together_validate_on_each_image_once(images, world):
    numbers = []
    for rank in range(world):
        loader = ValidationLoader(images, SMALL, LoaderSettings(batch_size=4, rank=rank, world=world))
        numbers += [number for batch in loader for number in batch.numbers.tolist()]
    assert sorted(numbers) == list(range(COUNT))


# --- What goes wrong


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_breaks_on_the_way_is_named_in_one_line(tmp_path, workers, refusal):
    (tmp_path / "x.png").write_text("no image")
    broken = ImageSet(FolderStore(tmp_path, ["x.png"]), (0,))
    loader = training(broken, batch_size=1, workers=workers)
    try:
        message = refusal(SettingsError, list, loader.epoch(1))
        assert message.startswith(f"{tmp_path / 'x.png'} cannot be read as an image: ")
    finally:
        loader.close()


class Deadly(FolderStore):
    """Ends the process that reads."""

    def read(self, index):
        del index
        os._exit(3)


def test_a_worker_that_dies_ends_the_epoch_in_one_line(folder, refusal):
    loader = training(ImageSet(Deadly(folder, ["00.png"]), (0,)), batch_size=1, workers=1)
    try:
        message = refusal(MicronetEdgeError, list, loader.epoch(1))
        assert message.startswith("a process that reads images ended early: ")
    finally:
        loader.close()


def test_an_epoch_may_be_left_with_batches_on_the_way(tmp_path, capfd):
    """At the end of a worker, Python would abort the thread that sends a batch."""
    path = tmp_path / "x.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)).save(path)
    images = ImageSet(FolderStore(tmp_path, ["x.jpg"] * 256), (0,) * 256)
    loader = TrainingLoader(images, Preprocessing.imagenet(224), CROPS, LoaderSettings(32, workers=2))
    epoch = loader.epoch(1)
    next(epoch)
    next(epoch)
    loader.close()
    assert capfd.readouterr().err == ""


def test_the_speed_of_a_loader_is_measured(images):
    assert loader_speed(training(images), seconds=0.05) > 10


PROGRAM = """
import sys, time
from pathlib import Path
import psutil
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.training.images import ImageSet
from micronet_edge.training.loader import LoaderSettings, TrainingLoader
from micronet_edge.training.recipe import Recipe
from micronet_edge.training.stores import FolderStore

if __name__ == "__main__":
    images = ImageSet(FolderStore(Path(sys.argv[1]), ["00.png", "01.png"] * 9), (0,) * 18)
    loader = TrainingLoader(images, Preprocessing(16, 18), Recipe(), LoaderSettings(6, workers=1))
    next(loader.epoch(1))
    try:
        print(*(each.pid for each in psutil.Process().children()), flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print(sum(1 for batch in loader.epoch(2)), flush=True)
"""


@pytest.fixture
def program(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield process
    process.kill()
    process.communicate()


def alive(numbers):
    return [number for number in numbers if Path(f"/proc/{number}").exists()]


def all_gone(numbers, seconds=4):
    until = time.monotonic() + seconds
    while alive(numbers) and time.monotonic() < until:
        time.sleep(0.05)
    return not alive(numbers)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_ignore_an_interrupt_and_end_with_their_parent(program):
    workers = [int(each) for each in program.stdout.readline().split()]
    assert alive(workers) == workers
    os.killpg(program.pid, signal.SIGINT)
    assert program.stdout.readline() == "3\n"
    program.wait(10)
    assert program.stderr.read() == ""
    assert all_gone(workers)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_end_when_their_parent_is_killed(program):
    workers = [int(each) for each in program.stdout.readline().split()]
    program.kill()
    program.wait(10)
    assert all_gone(workers)
