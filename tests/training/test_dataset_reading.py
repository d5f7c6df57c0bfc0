"""Folders and given parts become one data set, or are refused in one line; warnings name what matters."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from micronet_edge.errors import SettingsError
from micronet_edge.training import dataset, examine
from micronet_edge.training.dataset import read_dataset
from micronet_edge.training.split import VALIDATION_SHARE, is_for_validation, split, split_lines, write_split


def picture(number, width=9, height=8):
    return Image.fromarray(np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8))


def write(path, number=0, **size):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(number, **size).save(path)
    return path


def fill(folder, classes=("cat", "dog"), count=30, first=0):
    for place, name in enumerate(classes):
        for number in range(count):
            write(folder / name / f"{number:03d}.png", first + 1000 * place + number)
    return folder


def read(data, validation=None, *, skip_unreadable=False):
    return read_dataset(data, validation, skip_unreadable=skip_unreadable, report=[].append)


def named(images):
    return {images.store.name(number) for number in range(images.count)}


def told(found, text):
    return [line for line in found.warnings if text in line]


@pytest.fixture
def folder(tmp_path):
    return fill(tmp_path / "photos")


# --- Splitting one folder


def test_one_folder_is_split_and_every_image_is_in_one_part(folder):
    found = read(folder)
    assert found.divided
    assert found.labels == ("cat", "dog")
    assert found.train.count + found.validation.count == 60
    assert not named(found.train) & named(found.validation)
    for images in (found.train, found.validation):
        for number in range(images.count):
            assert found.labels[images.classes[number]] in Path(images.store.name(number)).parts
            assert is_for_validation(images.hashes[number]) == (images is found.validation)
    assert 4 <= found.validation.count <= 24


def test_further_images_and_classes_move_none(folder):
    before = read(folder)
    fill(folder, ("ape", "dog", "owl"), 40, first=5000)
    for number in range(30):
        write(folder / "dog" / f"{number:03d}.png", 1000 + number)  # as they were
    after = read(folder)
    assert named(before.train) <= named(after.train)
    assert named(before.validation) <= named(after.validation)


def test_the_same_pixels_are_in_one_part_under_whatever_name_format_and_class(folder):
    for path in sorted((folder / "cat").iterdir()):
        image = Image.open(path)
        image.save(path.with_suffix(".bmp"))
        image.save(folder / "dog" / f"copy_{path.name}", compress_level=0)
    found = read(folder)
    assert not set(found.train.hashes) & set(found.validation.hashes)
    assert told(found, "60 images are copies of others")
    assert len(told(found, "the same image is in several classes: cat/")) == 3
    assert told(found, "27 more images are in several classes")


def test_the_share_is_kept():
    hashes = [f"{np.random.default_rng(number).bytes(32).hex()}" for number in range(4000)]
    share = sum(map(is_for_validation, hashes)) / len(hashes)
    assert abs(share - VALIDATION_SHARE) < 0.02  # three standard deviations


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), min_size=2, max_size=60))
def test_each_class_can_be_trained_and_something_can_be_measured(items):
    random = {number: np.random.default_rng(number).bytes(32).hex() for number in range(41)}
    classes, hashes = zip(*((place, random[number]) for place, number in items), strict=True)
    try:
        parts = split(hashes, classes, "photos")
    except SettingsError:
        alone = {place: {item[1] for item in items if item[0] == place} for place in classes}
        lone = set().union(*(own for own in alone.values() if len(own) == 1))
        assert all(own <= lone for own in alone.values())
        return
    assert any(parts)
    assert {place for place, part in zip(classes, parts, strict=True) if not part} == set(classes)
    sides = {}
    for sha256, part in zip(hashes, parts, strict=True):
        assert sides.setdefault(sha256, part) == part


def test_the_split_is_written_down(folder, tmp_path):
    found = read(folder)
    path = tmp_path / "split.jsonl"
    write_split(found, path, overwrite=False)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [json.loads(line) for line in split_lines(found)] == lines
    assert len(lines) == 60
    assert lines[0] == {
        "image": str(folder / "cat" / "000.png"),
        "part": "train",
        "label": "cat",
        "sha256": found.train.hashes[0],
    }
    assert {line["image"] for line in lines if line["part"] == "validation"} == named(found.validation)


def test_the_hash_of_the_data_covers_pixels_names_and_parts_and_not_the_place(folder, tmp_path):
    before = read(folder).sha256
    shutil.copytree(folder, tmp_path / "other")
    assert read(tmp_path / "other").sha256 == before
    (folder / "cat" / "000.png").rename(folder / "cat" / "zzz.png")
    renamed = read(folder).sha256
    write(folder / "cat" / "zzz.png", 77)
    assert len({before, renamed, read(folder).sha256}) == 3


def test_hidden_files_and_notes_are_no_images(folder):
    before = read(folder)
    for name in (".DS_Store", "README.md", "labels.txt", "cat/.thumb.png", "dog/Thumbs.db", "__MACOSX/x.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("no image")
    after = read(folder)
    assert (after.sha256, after.labels) == (before.sha256, before.labels)


def test_labels_are_sorted_as_image_folder_sorts_them(tmp_path):
    names = ["10", "9", "b", "B", "a", "Zebra", "é"]
    names.remove("B")
    assert read(fill(tmp_path / "x", names, 4)).labels == ("10", "9", "Zebra", "a", "b", "é")


def test_many_images_are_examined_in_processes_with_the_same_result(folder, monkeypatch):
    before = read(folder)
    monkeypatch.setattr(examine, "_FEW", 10)
    monkeypatch.setattr(examine, "_PART", 20)
    monkeypatch.setattr(examine, "usable_cores", lambda: 2)
    lines = []
    after = read_dataset(folder, skip_unreadable=False, report=lines.append)
    assert after.sha256 == before.sha256
    assert lines[-1] == "checked 60 of 60 images"


# --- Two parts


@pytest.mark.parametrize("name", ["val", "validation", "valid"])
def test_train_and_validation_folders_inside_are_taken_as_they_are(tmp_path, name):
    fill(tmp_path / "train")
    fill(tmp_path / name, count=3, first=500)
    fill(tmp_path / "test", ("other",), count=1)
    found = read(tmp_path)
    assert (found.train.count, found.validation.count, found.divided) == (60, 6, False)
    assert {Path(path).parts[-3] for path in named(found.validation)} == {name}


def test_a_validation_folder_may_lie_beside(folder, tmp_path):
    found = read(folder, str(fill(tmp_path / "other", count=2, first=500)))
    assert (found.train.count, found.validation.count) == (60, 4)
    assert found.source == str(folder)
    inside = fill(tmp_path / "both" / "train")
    fill(tmp_path / "both" / "val", count=1)
    assert read(inside.parent, tmp_path / "other").sha256 == found.sha256


def test_a_train_folder_alone_is_split(tmp_path):
    fill(tmp_path / "train")
    assert read(tmp_path).train.count == read(tmp_path / "train").train.count


def test_classes_of_the_parts_meet_by_name_in_whatever_unicode_form(tmp_path):
    fill(tmp_path / "train", ("a", "caf\u00e9", "z"))
    fill(tmp_path / "val", ("cafe\u0301", "z"), count=2, first=500)
    found = read(tmp_path)
    assert set(found.validation.classes) == {1, 2}
    assert told(found, "1 class has no validation images: a;") or told(found, "no validation images: a;")


def test_large_given_parts_are_not_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(dataset, "MOST_EXAMINED", 5)
    fill(tmp_path / "train")
    fill(tmp_path / "val", count=3)
    (tmp_path / "train" / "cat" / "000.png").write_text("no image")
    found = read(tmp_path)
    assert found.train.count == 60
    assert not told(found, "copies")
    write(tmp_path / "train" / "cat" / "001.png", 99, width=99)
    assert read(tmp_path).sha256 != found.sha256
    skipped = read(tmp_path, skip_unreadable=True)
    assert (skipped.train.count, skipped.skipped) == (59, 1)


# --- Warnings


def test_plain_data_gives_no_warning(tmp_path):
    fill(tmp_path / "train", count=12)
    fill(tmp_path / "val", count=3, first=500)
    assert read(tmp_path).warnings == ()


def test_few_and_unequal_classes_are_named(tmp_path):
    fill(tmp_path / "train", ("cat",), count=40)
    fill(tmp_path / "train", ("dog",), count=2, first=300)
    fill(tmp_path / "val", ("cat",), count=2, first=600)
    few, unequal, unmeasured = read(tmp_path).warnings
    assert few.startswith("1 class has fewer than 10 training images: 'dog' (2); add some")
    assert unequal.startswith(
        "the classes are unequal: 'cat' has 40 training images, 'dog' has 2; a recipe with"
    )
    assert unmeasured == "1 class has no validation images: dog; the accuracy says nothing about them"


def test_a_class_of_one_image_is_trained_and_named(folder):
    write(folder / "owl" / "x.png", 4711)
    found = read(folder)
    assert found.train.classes.count(2) == 1
    assert told(found, "'owl' (1)")
    assert told(found, "no validation images: owl")


def test_images_in_both_given_parts_are_named(tmp_path):
    fill(tmp_path / "train")
    fill(tmp_path / "val", count=2)
    assert told(read(tmp_path), "4 validation images are among the training images as well: cat/000.png")


def test_unreadable_files_are_refused_or_counted(folder, refusal):
    (folder / "cat" / "000.png").write_text("no image")
    (folder / "dog" / "001.png").write_bytes(b"")
    message = refusal(SettingsError, read, folder)
    assert message.startswith(f"{folder / 'cat' / '000.png'} cannot be read as an image")
    assert message.endswith("; 1 more file cannot be read; take it out, or give --skip-unreadable")
    found = read(folder, skip_unreadable=True)
    assert found.skipped == 2
    assert found.warnings[0] == "skipped 2 unreadable files: cat/000.png, dog/001.png"
    assert found.train.count + found.validation.count == 58


def test_turned_and_grey_images_and_unlike_sizes_are_counted(tmp_path):
    fill(tmp_path / "train", count=12)
    fill(tmp_path / "val", count=3, first=500)
    exif = Image.Exif()
    exif[0x0112] = 6
    for number in range(3):
        picture(number).save(tmp_path / "train" / "cat" / f"turned{number}.jpg", exif=exif)
        write(tmp_path / "val" / "dog" / f"large{number}.png", number, width=50, height=40)
        picture(number).convert("L").save(tmp_path / "val" / "cat" / f"grey{number}.png")
    found = read(tmp_path)
    assert told(found, "3 of 39 images carry an EXIF orientation, which is ignored")
    assert told(found, "3 of 39 images are grey, the others coloured")
    assert not told(found, "differ in size")
    for number in range(9):
        write(tmp_path / "val" / "dog" / f"larger{number}.png", 90 + number, width=50, height=40)
    assert told(read(tmp_path), "their median short sides are 8 px and 40 px")


# --- Refusals


def test_a_decompression_bomb_is_an_unreadable_file(folder, refusal, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    assert "decompression bomb" in refusal(SettingsError, read, folder)


REFUSED = {
    "missing": ([], "does not exist: give a folder with a sub-folder of images for each class"),
    "file": (["x"], "is not a folder: give a folder"),
    "empty": (["x/"], "holds no images: give a folder"),
    "flat": (["x/1.png", "x/2.png"], "holds files such as 1.png, and no class folders: move every image"),
    "loose": (["x/a/1.png", "x/b/1.png", "x/1.png"], "x/1.png lies in no class folder"),
    "empty class": (["x/a/1.png", "x/b/", "x/c/1.png"], "the class folder {x}/b holds no images: add some"),
    "one class": (["x/a/1.png"], "holds one class, 'a': give images of at least two classes"),
    "too high": (["x/a/b/1.png", "x/a/c/1.png"], "the class folders (b, c) seem to lie in {x}/a: give that"),
    "case": (["x/Cat/1.png", "x/cat/1.png"], "the classes 'Cat' and 'cat' differ only by case"),
    "unicode": (
        ["x/caf\u00e9/1.png", "x/cafe\u0301/1.png"],
        "the classes 'cafe\\u0301' and 'caf\\xe9' differ only by their Unicode form",
    ),
    "no text": (["x/a/1.png", "x/\udcff/1.png"], "the class '\\udcff' is not UTF-8 text: rename it"),
    "one image a class": (["x/a/1.png", "x/b/1.png"], "has one image a class, so that none is left"),
    "two validation folders": (
        ["x/train/a/1.png", "x/val/a/1.png", "x/valid/a/1.png"],
        "holds val, valid: keep one of them beside train",
    ),
    "flat validation": (
        ["x/train/a/1.png", "x/train/b/1.png", "x/val/1.png"],
        "x/val holds files such as 1.png",
    ),
    "other classes": (
        ["x/train/a/1.png", "x/train/b/1.png", "x/val/a/1.png", "x/val/c/1.png"],
        "x/val has classes that {x}/train lacks: c: rename them as in training (a, b), or remove them",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_bad_folders_are_refused_with_place_and_next_step(kind, tmp_path, refusal):
    items, reason = REFUSED[kind]
    for number, item in enumerate(items):
        if item.endswith("/"):
            (tmp_path / item).mkdir(parents=True)
        else:
            path = write(tmp_path / "image.png", number)
            (tmp_path / item).parent.mkdir(parents=True, exist_ok=True)
            path.rename(tmp_path / item)
    assert reason.format(x=tmp_path / "x") in refusal(SettingsError, read, tmp_path / "x")


def test_unusable_validation_folders_are_refused(folder, tmp_path, refusal):
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert "holds the training images" in refusal(SettingsError, read, folder, link)
    assert "one lies in the other" in refusal(SettingsError, read, folder, folder / "cat")
    missing = refusal(SettingsError, read, folder, tmp_path / "none")
    assert missing.endswith("none do not exist: check the path")


def test_a_class_without_any_readable_image_is_refused(folder, refusal):
    (folder / "owl").mkdir()
    (folder / "owl" / "x.png").write_text("no image")
    message = refusal(SettingsError, read, folder, skip_unreadable=True)
    assert (
        message
        == f"{folder}: no image of the class 'owl' can be read: give readable ones, or remove the class"
    )
