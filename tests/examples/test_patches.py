"""The patches example: its crops are drawn as promised, its script trains a network on them."""

import hashlib
import math
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from micronet_edge.models import load_checkpoint

PATCHES = Path(__file__).parents[2] / "examples" / "patches"
REACH = 2 + 3
"""Pixels beyond a box that scaling may have read: for the crop, and for a photograph too tall before it."""


def load_script(name: str, **beside: ModuleType) -> ModuleType:
    """A script that finds others beside it, under names that another example's scripts have too."""
    spec = spec_from_file_location(name, PATCHES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        for other, found in beside.items():
            patch.setitem(sys.modules, other, found)
        spec.loader.exec_module(module)
    return module


images = load_script("images")
train = load_script("train", images=images)
PHOTOGRAPHS = dict(zip(images.LABELS, images.photographs(), strict=True))
FEW = {"train": 2, "calibration": 2, "develop": 3, "test": 3}


@pytest.fixture(scope="module", autouse=True)
def few():
    """Few files of each class: a file does not depend on how many others there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "COUNTS", FEW)
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return images.write_images(tmp_path_factory.mktemp("patches"))


def all_paths(folder):
    return [path for part in FEW for path in images.image_paths(part, folder)]


def state(folder):
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()
    }


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def with_noise(picture, first, last):
    """The picture with noise in these columns."""
    drawn = np.array(picture)
    drawn[:, first:last] = np.random.default_rng(0).integers(256, size=drawn[:, first:last].shape)
    return Image.fromarray(drawn)


def test_there_are_twenty_labels_in_sorted_order():
    assert len(images.LABELS) == len(set(images.LABELS)) == 20
    assert list(images.LABELS) == sorted(images.LABELS)


def test_two_thousand_are_for_training_and_four_thousand_for_either_test():
    counts = load_script("images").COUNTS
    assert {part: 20 * count for part, count in counts.items()} == {
        "train": 2000,
        "calibration": 400,
        "develop": 4000,
        "test": 4000,
    }


def test_every_photograph_is_there_in_colour_and_none_too_tall():
    for picture in PHOTOGRAPHS.values():
        assert picture.mode == "RGB"
        assert images.SIDE[1] < picture.height <= images.TALLEST
        assert images.SIDE[1] < 0.30 * picture.width


def test_every_part_has_as_many_crops_of_each_photograph(data):
    for part, count in FEW.items():
        labels = [images.image_label(path) for path in images.image_paths(part, data)]
        assert labels == [label for label in range(20) for _ in range(count)]
    assert set(state(data)) == set(all_paths(data))


def test_the_files_are_colour_images_of_one_size_and_all_different(data):
    for path in all_paths(data):
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (96, 96))
    assert len({path.read_bytes() for path in all_paths(data)}) == len(all_paths(data))


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("train/astronaut/0000.png", "0706122be9736690"),
        ("develop/coffee/0001.png", "12856ca279179fa4"),
        ("test/text/0002.png", "7f119c2a9cf899ca"),
    ],
)
def test_the_pixels_are_the_same_on_every_machine(data, file, expected):
    # Pixels, since a PNG file's bytes depend on the zlib that packed them.
    assert hashlib.sha256(pixels(data / file).tobytes()).hexdigest()[:16] == expected


def test_a_file_does_not_depend_on_the_others(data, tmp_path, monkeypatch):
    monkeypatch.setattr(images, "COUNTS", {"test": 1})
    (first, *others) = images.image_paths("test", images.write_images(tmp_path))
    assert len(others) == 19
    assert first.read_bytes() == (data / first.relative_to(tmp_path)).read_bytes()


def test_no_two_draws_share_their_random_numbers():
    counts = load_script("images").COUNTS
    streams = [[images.SEEDS[part], label, n] for part in counts for label in range(20) for n in range(200)]
    drawn = {np.random.default_rng(seed).random() for seed in [train.SEED, *streams]}
    assert len(drawn) == 1 + len(streams)


boxes = {
    "picture": st.sampled_from(list(PHOTOGRAPHS.values())),
    "part": st.sampled_from(list(FEW)),
    "seed": st.integers(0, 2**32 - 1),
}


@given(**boxes)
def test_a_box_is_a_square_within_the_span_of_its_part(picture, part, seed):
    random = np.random.default_rng(seed)
    left, top, right, bottom = images.draw_box(picture.width, picture.height, part, random)
    first, last = (share * picture.width for share in images.SPANS[part])
    assert first <= left < right <= last + 1e-9
    assert 0 <= top < bottom <= picture.height + 1e-9
    assert right - left == pytest.approx(bottom - top)
    assert images.SIDE[0] <= right - left <= images.SIDE[1] + 1e-9


@pytest.mark.parametrize("part", ["develop", "test"])
def test_no_test_pixel_lies_in_the_span_of_a_training_crop(part):
    for picture in PHOTOGRAPHS.values():
        last = math.ceil(images.SPANS["train"][1] * picture.width) + REACH
        first = math.floor(images.SPANS[part][0] * picture.width) - REACH
        assert last < first


@given(**boxes)
def test_a_crop_shows_nothing_of_the_other_side(picture, part, seed):
    middle = round(0.675 * picture.width)
    other = (middle, picture.width) if images.SPANS[part][0] == 0 else (0, middle)
    seen, expected = (
        images.draw_crop(each, part, np.random.default_rng(seed)).tobytes()
        for each in (with_noise(picture, *other), picture)
    )
    assert seen == expected


def test_a_second_run_does_nothing_and_needs_neither_scikit_package(data, monkeypatch):
    before = state(data)
    for package in ("skimage", "sklearn"):
        monkeypatch.setitem(sys.modules, package, None)  # an import would fail
    images.write_images(data)
    assert state(data) == before


def test_a_run_after_an_interrupted_one_writes_the_rest(data, tmp_path, monkeypatch):
    write, written = images._write_png, []

    def stop_early(path, crop, partial):
        if len(written) == 50:
            raise KeyboardInterrupt
        written.append(path)
        write(path, crop, partial)

    with monkeypatch.context() as patch:
        patch.setattr(images, "_write_png", stop_early)
        with pytest.raises(KeyboardInterrupt):
            images.write_images(tmp_path)
    before = state(tmp_path)
    assert sorted(before) == sorted(written)

    after = state(images.write_images(tmp_path))
    assert before.items() <= after.items()
    assert {path.relative_to(tmp_path): held for path, (_, held) in after.items()} == {
        path.relative_to(data): held for path, (_, held) in state(data).items()
    }


def test_a_batch_is_images_with_their_classes():
    batches = train.draw_batches(np.random.default_rng(0))
    (first, classes), (second, _) = next(batches), next(batches)
    assert first.shape == second.shape == (train.BATCH, 3, 96, 96)
    assert classes.shape == (train.BATCH,)
    assert set(classes.tolist()) <= set(range(20))
    assert not torch.equal(first, second)


def test_correct_answers_are_counted_over_all_batches(data, monkeypatch):
    monkeypatch.setattr(train, "BATCH", 7)
    answers = torch.eye(20)[3]
    paths = images.image_paths("develop", data)
    assert train.count_correct(lambda batch: answers.expand(len(batch), 20), paths) == FEW["develop"]


def test_the_script_trains_a_network_and_says_how_good_it_is(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train, "CROPS", train.BATCH)
    monkeypatch.setattr(train, "EPOCHS", {"m0": 2})
    monkeypatch.setattr(train, "write_images", lambda: data)
    monkeypatch.setattr(train, "__file__", str(tmp_path / "train.py"))
    monkeypatch.setattr(sys, "argv", ["train.py", "m0"])
    train.main()

    *epochs, accuracy, interval, saved = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in epochs] == ["epoch   1 of 2", "epoch   2 of 2"]
    assert " of 60 develop images correct: " in accuracy
    assert interval.startswith("95 % interval ")
    assert saved.startswith(str(tmp_path / "m0-patches.safetensors"))
    (path,) = tmp_path.iterdir()
    checkpoint = load_checkpoint(path, variant="m0", num_classes=20)
    assert checkpoint.labels == images.LABELS
    assert checkpoint.preprocessing == train.PREPROCESSING


@pytest.mark.parametrize("arguments", [[], ["m2"], ["m0", "m1"]])
def test_a_wrong_variant_ends_in_one_line(arguments, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        train.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == "usage: train.py VARIANT, one of m0, m1, m3\n"
