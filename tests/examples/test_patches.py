"""The patches example: its crops are drawn as promised, and its recipe fits them."""

import hashlib
import math
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from micronet_edge.training.recipe_files import read_recipe

PATCHES = Path(__file__).parents[2] / "examples" / "patches"
REACH = 2 + 3
"""Pixels beyond a box that scaling may have read: for the crop, and for a photograph too tall before it."""


def load_script(name: str) -> ModuleType:
    spec = spec_from_file_location(name, PATCHES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


images = load_script("images")
PHOTOGRAPHS = dict(zip(images.LABELS, images.photographs(), strict=True))
FEW = {"large": 2, "train": 2, "calibration": 2, "develop": 3, "test": 3}


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


def test_six_thousand_are_for_training_and_four_thousand_for_either_test():
    counts = load_script("images").COUNTS
    assert {part: 20 * count for part, count in counts.items()} == {
        "large": 4000,
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
            assert (image.format, image.mode) == ("PNG", "RGB")
            if path.parents[1].name == "large":
                assert image.width == 192
                assert image.height in {192, *(each.height for each in PHOTOGRAPHS.values())}
            else:
                assert image.size == (96, 96)
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
    drawn = {np.random.default_rng(seed).random() for seed in streams}
    assert len(drawn) == len(streams)


boxes = {
    "picture": st.sampled_from(list(PHOTOGRAPHS.values())),
    "part": st.sampled_from([part for part in FEW if part != "large"]),
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


@given(picture=st.sampled_from(list(PHOTOGRAPHS.values())), seed=st.integers(0, 2**32 - 1))
def test_a_large_crop_holds_pixels_of_the_left_side_as_they_are(picture, seed):
    crop, of_another = (
        np.asarray(images.draw_large(each, "large", np.random.default_rng(seed)))
        for each in (picture, with_noise(picture, int(0.65 * picture.width), picture.width))
    )
    assert (crop == of_another).all()
    random = np.random.default_rng(seed)
    left = int(random.integers(0, int(0.65 * picture.width) - 192 + 1))
    top = int(random.integers(picture.height - crop.shape[0] + 1))
    assert (crop == np.asarray(picture)[top : top + crop.shape[0], left : left + 192]).all()


@pytest.mark.parametrize("variant", ["m0", "m1", "m3"])
def test_the_recipe_takes_crops_as_large_as_those_of_the_test(variant):
    recipe = read_recipe(PATCHES / "recipe.toml", variant)
    sides = [192 * share**0.5 for share in recipe.augmentation.crop_area]
    assert sides == pytest.approx(images.SIDE, rel=0.02)
    assert recipe.augmentation.mirror
    assert recipe.input_size == images.SIZE
