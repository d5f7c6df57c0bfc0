"""The detector example: its scenes are what their boxes say, its checkpoint finds digits in them."""

import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import micronet_edge
from micronet_edge.errors import CheckpointError

FOLDER = Path(__file__).parents[2] / "examples" / "detector"
CHECKPOINT = FOLDER / "m0-detector.safetensors"
SCRIPTS = ("scenes", "detector", "precision", "train", "table")
MEASURED = 60


@pytest.fixture(scope="module")
def example():
    """The example's scripts by name."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield {name: import_module(name) for name in SCRIPTS}
    finally:
        sys.path.remove(str(FOLDER))
        for name in SCRIPTS:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return tmp_path_factory.mktemp("digits")


@pytest.fixture(scope="module")
def of_test(example, digits):
    return example["scenes"].Scenes("test", digits)


@pytest.fixture(scope="module")
def network(example):
    return micronet_edge.load(CHECKPOINT, factory=example["detector"].detector)


# --- The scenes


def test_a_scene_is_the_same_whenever_it_is_drawn(example, digits, of_test):
    one, again, other = of_test.draw(3), example["scenes"].Scenes("test", digits).draw(3), of_test.draw(4)
    assert np.array_equal(one.pixels, again.pixels)
    assert one.boxes == again.boxes
    assert not np.array_equal(one.pixels, other.pixels)


def test_boxes_lie_in_the_scene_and_apart_from_each_other(example, of_test):
    overlap = example["precision"].overlap
    for number in range(50):
        boxes = of_test.draw(number).boxes
        assert 1 <= len(boxes) <= 4
        for place, box in enumerate(boxes):
            assert 0 <= box.left < box.right <= 128
            assert 0 <= box.top < box.bottom <= 128
            assert all(overlap(box, other) == 0 for other in boxes[:place])


def test_nothing_but_the_digits_differs_from_the_photograph(example, of_test, monkeypatch):
    scene = of_test.draw(7)
    monkeypatch.setattr(example["scenes"].Scenes, "_paste", lambda *_: None)
    bare = of_test.draw(7).pixels.astype(int)
    changed = np.abs(scene.pixels - bare).max(2) > 40
    assert changed.any()
    for box in scene.boxes:
        left, top, right, bottom = map(int, box.edges)
        assert changed[top:bottom, left:right].any()
        changed[max(top - 2, 0) : bottom + 2, max(left - 2, 0) : right + 2] = False
    assert not changed.any()


def test_the_test_shares_no_digit_and_no_pixel_with_the_training(example, digits):
    scenes = example["scenes"]
    train, test = (scenes.Scenes(part, digits) for part in ("train", "test"))
    assert (len(train.digits), len(test.digits)) == (1400, 397)
    assert scenes.SPANS["train"][1] < scenes.SPANS["test"][0]
    assert scenes.SPANS["calibration"] == scenes.SPANS["train"]


def test_scenes_are_written_with_their_boxes(example, digits, tmp_path, monkeypatch):
    scenes = example["scenes"]
    monkeypatch.setattr(scenes, "STORED", {"calibration": 2, "test": 3})
    monkeypatch.setattr(scenes.Scenes.__init__, "__defaults__", (digits,))
    scenes.write_scenes(tmp_path)
    assert [len(scenes.scene_paths(part, tmp_path)) for part in ("calibration", "test")] == [2, 3]
    drawn = [scenes.Scenes("test").draw(number) for number in range(3)]
    assert scenes.read_boxes(tmp_path) == [each.boxes for each in drawn]
    for path, scene in zip(scenes.scene_paths("test", tmp_path), drawn, strict=True):
        with Image.open(path) as image:
            assert np.array_equal(np.asarray(image), scene.pixels)


# --- Maps and boxes


def test_the_maps_of_the_training_decode_into_their_boxes(example, of_test):
    train, precision = example["train"], example["precision"]
    for number in range(30):
        boxes = of_test.draw(number).boxes
        classes, edges, counts = train.targets(boxes)
        found = precision.decode(np.log((classes + 1e-6) / (1 - classes + 1e-6)), edges)
        sure = [each.box for each in found if each.score > 0.99]
        assert sorted(box.label for box in sure) == sorted(box.label for box in boxes)
        for box in boxes:
            assert max(precision.overlap(box, each) for each in sure if each.label == box.label) > 0.8
        assert counts.sum() >= 4


def test_average_precision(example):
    precision, box = example["precision"], example["scenes"].Box
    truth = [[box(label, 0, 0, 10, 10), box(label, 20, 0, 30, 10)] for label in range(10)]

    def found(*places):
        return [
            [precision.Found(score, box(label, left, 0, left + 10, 10)) for score, left in places]
            for label in range(10)
        ]

    def measured(*places):
        return precision.mean_average_precision(found(*places), truth)

    assert measured((0.9, 0), (0.8, 20)) == 1
    assert measured((0.9, 0)) == 0.5
    assert measured((0.9, 60), (0.8, 0), (0.7, 20)) == pytest.approx(2 / 3)
    assert measured((0.9, 0), (0.8, 1)) == 0.5  # a true box is found once
    assert measured((0.9, 6)) == 0  # an overlap of 4 / 16
    assert measured() == 0


def test_of_boxes_on_one_digit_the_best_stays(example):
    classes, boxes = np.full((10, 16, 16), -9.0), np.full((4, 16, 16), 2.0)
    classes[3, 4, 4], classes[3, 4, 6], classes[5, 4, 6] = 3, 2, 1
    boxes[0, 4, 6], boxes[2, 4, 6] = 4, 0.5
    found = example["precision"].decode(classes, boxes)
    assert [each.box.label for each in found] == [3, 5]


# --- The network


def test_the_committed_checkpoint_finds_digits(example, network, of_test, tmp_path):
    module, metadata = network
    assert CHECKPOINT.stat().st_size < 2_000_000
    assert metadata.labels == tuple("0123456789")
    precision, drawn = example["precision"], [of_test.draw(number) for number in range(MEASURED)]
    for number, scene in enumerate(drawn):
        Image.fromarray(scene.pixels).save(tmp_path / f"{number:04d}.png")
    found = precision.detect(
        precision.in_pytorch(module), sorted(tmp_path.glob("*.png")), metadata.preprocessing
    )
    assert precision.mean_average_precision(found, [each.boxes for each in drawn]) > 0.7


def test_it_has_two_named_outputs(network):
    found = network[0](torch.zeros(2, 3, 128, 96))
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "classes": (2, 10, 16, 12),
        "boxes": (2, 4, 16, 12),
    }
    assert (found["boxes"] >= 0).all()


def test_the_checkpoint_names_the_function_that_builds_it(refusal):
    message = refusal(CheckpointError, micronet_edge.load, CHECKPOINT)
    assert f"give examples/detector/detector.py:detector --weights {CHECKPOINT} instead" in message


def test_a_few_steps_of_training_lower_the_loss(example, digits, monkeypatch):
    train, scenes = example["train"], example["scenes"]
    monkeypatch.setattr(scenes.Scenes.__init__, "__defaults__", (digits,))
    monkeypatch.setattr(train, "BATCH", 4)
    network = train.train(12)
    images, *wanted = train.batch(scenes.Scenes("train"), 50)
    with torch.no_grad():
        before, after = (train.loss(each.eval()(images), *wanted) for each in (train.detector(), network))
    assert after < before
