"""Folders of images are read whole and in one order, or refused in one line that names the trouble."""

import os
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from micronet_edge.data import image_arrays, image_files
from micronet_edge.data.image_folders import MINIMUM_CALIBRATION, read_calibration, read_labelled
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import SettingsError

SMALL = Preprocessing(size=32, resize=36)
NAMES = [f"{number:02d}.png" for number in range(MINIMUM_CALIBRATION)]
LABELS = ("cat", "dog", "owl")


def picture(number, height=8):
    return np.random.default_rng(number).integers(0, 256, (height, 9, 3), np.uint8)


def write(path, number=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(number)).save(path)
    return path


def fill(folder, names=NAMES):
    for number, name in enumerate(names):
        write(folder / name, number)
    return folder


@pytest.fixture
def folder(tmp_path):
    return fill(tmp_path / "photos")


# --- Calibration


def test_flat_or_in_sub_folders_the_images_come_in_the_order_of_their_names(tmp_path):
    names = sorted(f"{kind}/{name}" for kind in ("b", "a/deep") for name in NAMES[:20])
    found = read_calibration(fill(tmp_path / "photos", names), SMALL)
    assert (found.count, found.source, found.skipped) == (40, "photos", 0)
    assert found.images.dtype == np.float32
    expected = SMALL.batch([tmp_path / "photos" / name for name in names])
    assert np.array_equal(found.images, expected)


def test_the_hash_is_that_of_names_and_contents_wherever_they_lie(folder, tmp_path, monkeypatch):
    before = read_calibration(folder, SMALL).sha256
    shutil.copytree(folder, tmp_path / "elsewhere" / "other")
    monkeypatch.chdir(tmp_path / "elsewhere" / "other")
    here = read_calibration(tmp_path.__class__(), SMALL)
    assert (here.sha256, here.source) == (before, "other")
    (folder / NAMES[0]).rename(folder / "renamed.png")
    renamed = read_calibration(folder, SMALL).sha256
    write(folder / "renamed.png", 99)
    assert len({before, renamed, read_calibration(folder, SMALL).sha256}) == 3


def test_hidden_files_and_notes_beside_the_images_are_none(folder):
    before = read_calibration(folder, SMALL)
    for name in (".DS_Store", "Thumbs.db", "README.TXT", "labels.json", ".hidden/x.png", "__MACOSX/x.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("no image")
    assert read_calibration(folder, SMALL) == before


def test_links_are_followed_and_circles_are_not(folder, tmp_path):
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "a").symlink_to(folder)
    (folder / "round").symlink_to(folder)
    (folder / "up").symlink_to(linked)
    assert read_calibration(linked, SMALL).count == len(NAMES)


def test_kinds_of_images_may_be_mixed(folder):
    for number, mode in enumerate(["L", "1", "P", "RGBA", "LA", "CMYK", "I;16"]):
        grey = Image.fromarray(picture(number)[..., 0])
        image = Image.fromarray(np.full((9, 9), 30_000, np.uint16)) if mode == "I;16" else grey.convert(mode)
        image.save(folder / f"kind{number}.{'jpg' if mode == 'CMYK' else 'png'}")
    assert read_calibration(folder, SMALL).count == len(NAMES) + 7


def damaged(kind):
    content = (picture(0).tobytes() * 99)[:5000]
    return {"empty": b"", "text": b"a text", "noise": content, "truncated": None}[kind]


@pytest.mark.parametrize("kind", ["empty", "text", "noise", "truncated"])
@pytest.mark.parametrize("name", ["broken.jpg", "film.mp4", "noname"])
def test_a_file_that_cannot_be_read_is_named_or_skipped_and_counted(folder, refusal, kind, name):
    before = read_calibration(folder, SMALL)
    content = damaged(kind)
    (folder / name).write_bytes((folder / NAMES[0]).read_bytes()[:100] if content is None else content)
    error_line = refusal(SettingsError, read_calibration, folder, SMALL)
    assert error_line.startswith(f"{folder / name} cannot be read as an image: ")
    assert error_line.endswith("; take it out, or give --skip-unreadable")
    after = read_calibration(folder, SMALL, skip_unreadable=True)
    assert (after.skipped, after.count, after.sha256) == (1, before.count, before.sha256)


def test_a_dangling_link_is_named(folder, refusal):
    (folder / "gone.png").symlink_to("nowhere.png")
    assert "gone.png cannot be read as an image" in refusal(SettingsError, read_calibration, folder, SMALL)


def test_the_minimum_is_of_what_can_be_read(folder, refusal):
    (folder / NAMES[0]).write_bytes(b"")
    (folder / "film.mp4").write_bytes(b"")
    error_line = refusal(SettingsError, read_calibration, folder, SMALL, skip_unreadable=True)
    assert (
        f"{folder} holds 31 images and 2 unreadable files, too few to calibrate on: give at least 32"
        in error_line
    )


def test_too_few_or_none(tmp_path, refusal):
    few = fill(tmp_path / "few", NAMES[:31])
    assert f"{few} holds 31 images, too few" in refusal(SettingsError, read_calibration, few, SMALL)
    empty = tmp_path / "empty" / "deeper"
    empty.mkdir(parents=True)
    assert f"{empty} holds no images" in refusal(SettingsError, read_calibration, empty, SMALL)
    none = tmp_path / "none"
    assert f"{none} does not exist" in refusal(SettingsError, read_calibration, none, SMALL)
    file = few / NAMES[0]
    assert f"{file} is not a folder: give a folder" in refusal(SettingsError, read_calibration, file, SMALL)


def test_a_folder_that_leads_to_what_the_system_makes_up(folder, refusal):
    (folder / "processes").symlink_to("/proc")
    error_line = refusal(SettingsError, read_calibration, folder, SMALL)
    assert (
        f"{folder / 'processes'} leads to /proc, which holds no images: give a folder of images" in error_line
    )


def test_links_that_make_many_folders_of_few(tmp_path, refusal, monkeypatch):
    monkeypatch.setattr(image_files, "MOST_ITEMS", 1000)
    place = tmp_path / "top"
    for number in range(20):  # a million ways down
        place.mkdir()
        following = tmp_path / f"level{number}"
        for name in ("left", "right"):
            (place / name).symlink_to(following)
        place = following
    place.mkdir()
    error_line = refusal(SettingsError, read_calibration, tmp_path / "top", SMALL)
    assert "top holds more than 1,000 items: give a folder of images only" in error_line


def test_folders_deep_inside_each_other(folder, monkeypatch):
    monkeypatch.chdir(folder)  # back where it was, whatever happens
    for _ in range(1100):
        Path("d").mkdir()
        os.chdir("d")
    write(Path("deep.png"))
    try:
        assert read_calibration(folder, SMALL).count == len(NAMES) + 1
    finally:  # pytest, which removes folders later, goes down step by step and no deeper than Python does
        subprocess.run(["rm", "-rf", folder / "d"], check=True)


@pytest.mark.parametrize("kind", ["a pipe", "a device"])
def test_an_item_that_is_no_regular_file(folder, refusal, kind):
    odd = folder / "odd.png"
    os.mkfifo(odd) if kind == "a pipe" else odd.symlink_to("/dev/zero")
    error_line = refusal(SettingsError, read_calibration, folder, SMALL)
    assert f"{odd} cannot be read as an image: it is {kind}, not a file: save" in error_line
    assert read_calibration(folder, SMALL, skip_unreadable=True).skipped == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_rights(folder, refusal):
    folder.chmod(0)
    assert "check its permissions" in refusal(SettingsError, read_calibration, folder, SMALL)


def test_images_that_are_all_alike(tmp_path, refusal):
    for name in NAMES:
        write(tmp_path / "alike" / name, number=7)
    error_line = refusal(SettingsError, read_calibration, tmp_path / "alike", SMALL)
    assert "are identical" in error_line


def test_images_of_one_colour_each(tmp_path, refusal):
    (tmp_path / "flat").mkdir()
    for number, name in enumerate(NAMES):
        Image.new("L", (8, 8), number).save(tmp_path / "flat" / name)
    assert "is a single colour" in refusal(SettingsError, read_calibration, tmp_path / "flat", SMALL)


# --- Arrays


def preprocessed(count=MINIMUM_CALIBRATION):
    return np.stack([SMALL.array(Image.fromarray(picture(number))) for number in range(count)])


def test_pixels_are_preprocessed_and_floats_taken_as_they_are(tmp_path):
    pixels = np.stack([picture(number) for number in range(MINIMUM_CALIBRATION)])
    np.save(tmp_path / "pixels.npy", pixels)
    np.save(tmp_path / "floats.NPY.npy", preprocessed())
    np.savez(tmp_path / "one.npz", preprocessed())
    np.savez_compressed(tmp_path / "named.npz", labels=np.arange(32), images=pixels)
    found = [read_calibration(path, SMALL) for path in sorted(tmp_path.iterdir())]
    assert [each.source for each in found] == ["floats.NPY.npy", "named.npz", "one.npz", "pixels.npy"]
    assert all(np.array_equal(each.images, preprocessed()) for each in found)
    assert len({each.sha256 for each in found}) == 4


def bomb(path):
    """A file of some megabytes that unpacks to 5 GB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("images.npy", b"x")
    content = bytearray(path.read_bytes())
    place = content.find(b"PK\x01\x02") + 24  # what the directory says of the unpacked length
    content[place : place + 4] = (0xFFFF_FFFE).to_bytes(4, "little")
    path.write_bytes(content)
    return path


def test_arrays_that_unpack_to_more_than_memory_should_hold(tmp_path, refusal, monkeypatch):
    monkeypatch.setattr(image_arrays, "ARRAYS", replace(image_arrays.ARRAYS, most_bytes=4_000_000_000))
    error_line = refusal(SettingsError, read_calibration, bomb(tmp_path / "bomb.npz"), SMALL)
    assert "bomb.npz unpacks to 4,294,967,294 bytes, more than the 4,000,000,000" in error_line


def test_a_pipe_of_arrays_is_not_waited_for(tmp_path, refusal):
    os.mkfifo(tmp_path / "pipe.npy")
    error_line = refusal(SettingsError, read_calibration, tmp_path / "pipe.npy", SMALL)
    assert "pipe.npy is a pipe, not a file" in error_line


def spoiled(value):
    images = preprocessed()
    images[5, 0, 0, 0] = value
    return images


@pytest.mark.parametrize(
    ("array", "error_line"),
    [
        pytest.param(preprocessed(31), "holds 31 images, too few", id="few"),
        pytest.param(preprocessed(1)[:0], "holds 0 images, too few", id="none"),
        pytest.param(preprocessed().astype(np.float64), "holds float64 [32, 3, 32, 32]: give", id="float64"),
        pytest.param(preprocessed()[..., :31], "holds float32 [32, 3, 32, 31]: give", id="size"),
        pytest.param(preprocessed().transpose(0, 2, 3, 1), "holds float32 [32, 32, 32, 3]", id="layout"),
        pytest.param(np.zeros((32, 8, 8), np.uint8), "holds uint8 [32, 8, 8]: give", id="grey"),
        pytest.param(np.zeros((32, 0, 8, 3), np.uint8), "image 0: ", id="no pixels"),
        pytest.param(np.float32(1), "holds float32 []: give", id="a number"),
        pytest.param(spoiled(np.nan), "image 5 holds NaN or infinity", id="NaN"),
        pytest.param(spoiled(np.inf), "image 5 holds NaN or infinity", id="infinity"),
        pytest.param(spoiled(255), "which is not preprocessed with mean (0.485", id="0 to 255"),
        pytest.param(np.stack([preprocessed(1)[0]] * 32), "are identical", id="alike"),
        pytest.param(np.array([{}] * 32), "cannot be read as a NumPy file", id="objects"),
    ],
)
def test_an_array_of_another_kind(tmp_path, refusal, array, error_line):
    path = tmp_path / "images.npy"
    np.save(path, array)
    said = refusal(SettingsError, read_calibration, path, SMALL)
    assert str(path) in said
    assert error_line in said


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_a_damaged_file_of_arrays(tmp_path, refusal, suffix):
    path = tmp_path / f"images.{suffix}"
    (np.save if suffix == "npy" else np.savez_compressed)(path, preprocessed())
    good = path.read_bytes()
    for bad in (b"", b"a text", good[:-1000], good[:1000]):
        path.write_bytes(bad)
        error_line = refusal(SettingsError, read_calibration, path, SMALL)
        assert f"{path} {'cannot be read as a NumPy' if bad else 'is empty (0 bytes)'}" in error_line
    path.unlink()
    assert f"{path} does not exist" in refusal(SettingsError, read_calibration, path, SMALL)


def test_of_several_arrays_one_must_be_named(tmp_path, refusal):
    np.savez(tmp_path / "two.npz", x=preprocessed(), y=preprocessed())
    error_line = refusal(SettingsError, read_calibration, tmp_path / "two.npz", SMALL)
    assert error_line.endswith("holds 2 arrays (x, y): give the array of images the name 'images'")


# --- Labelled


@pytest.fixture
def classes(tmp_path):
    return fill(tmp_path / "test", ["owl/1.png", "cat/2.png", "cat/deep/1.png"])


def test_the_images_of_each_class(classes):
    (classes / "dog").mkdir()
    (classes / "README.md").write_text("a note")
    found = read_labelled(classes, LABELS)
    assert [path.relative_to(classes).as_posix() for path in found.paths] == [
        "cat/2.png",
        "cat/deep/1.png",
        "owl/1.png",
    ]
    assert found.classes == (0, 0, 2)
    assert (found.labels, found.source, found.count, found.skipped) == (LABELS, "test", 3, 0)


def test_accents_may_be_written_in_two_ways(tmp_path):
    fill(tmp_path, ["cafe\u0301/1.png"])
    assert read_labelled(tmp_path, ["tea", "caf\u00e9"]).classes == (1,)


def test_unreadable_files_are_left_to_the_reader_or_skipped(classes, refusal):
    (classes / "cat" / "film.mp4").write_bytes(b"")
    assert read_labelled(classes, LABELS).count == 4
    found = read_labelled(classes, LABELS, skip_unreadable=True)
    assert (found.count, found.skipped) == (3, 1)
    for path in found.paths:
        path.write_bytes(b"")
    error_line = refusal(SettingsError, read_labelled, classes, LABELS, skip_unreadable=True)
    assert f"none of the 4 files in {classes} can be read" in error_line


def test_folders_that_are_no_labels(classes, refusal):
    for name in ("emu", "fox", "Owl"):
        (classes / name).mkdir()
    error_line = refusal(SettingsError, read_labelled, classes, LABELS)
    assert (
        "sub-folders that are no labels of the network: Owl, emu, fox. Its labels are cat, dog, owl:"
        in error_line
    )


def test_labels_that_are_just_numbers(classes, refusal):
    error_line = refusal(SettingsError, read_labelled, classes, [str(number) for number in range(1000)])
    assert "no labels of the network: cat, owl" in error_line
    assert "only the numbers 0 to 999: give --labels FILE with the folders' names" in error_line


def test_the_folder_above(classes, refusal):
    error_line = refusal(SettingsError, read_labelled, classes.parent, LABELS)
    assert f"the class folders seem to lie in {classes}: give that" in error_line


def test_an_image_in_no_class_folder(classes, refusal):
    write(classes / "lost.png")
    error_line = refusal(SettingsError, read_labelled, classes, LABELS)
    assert f"{classes / 'lost.png'} lies in no class folder" in error_line


def test_a_label_of_two_classes(classes, refusal):
    error_line = refusal(SettingsError, read_labelled, classes, ["owl", "cat", "crane", "cat"])
    assert "cat: several classes (1, 3) have this label" in error_line
    assert read_labelled(classes, ["owl", "cat", "crane", "crane"]).count == 3


def test_a_labelled_folder_without_images(tmp_path, refusal):
    assert "is empty: give one" in refusal(SettingsError, read_labelled, tmp_path, LABELS)
    (tmp_path / "cat").mkdir()
    assert "hold no images" in refusal(SettingsError, read_labelled, tmp_path, LABELS)
    for path in (tmp_path / "none", write(tmp_path / "cat" / "1.png")):
        assert f"{path} is not a folder: give one" in refusal(SettingsError, read_labelled, path, LABELS)
