"""What can be seen of calibration images is said; ordinary ones pass without a word."""

import numpy as np
import pytest
from PIL import Image

from micronet_edge.data.calibration_notes import class_notes
from micronet_edge.data.image_folders import MINIMUM_CALIBRATION, read_calibration
from micronet_edge.data.preprocessing import Preprocessing

SMALL = Preprocessing(size=32, resize=36)


@pytest.fixture
def folder(tmp_path):
    """Writes images of so many pixels, as bright as is said; gives the folder."""

    def call(side=40, brightness=1.0, below="photos"):
        for number in range(MINIMUM_CALIBRATION):
            pixels = np.random.default_rng(number).integers(0, 256, (side, side + 3, 3)) * brightness
            path = tmp_path / below / f"{number:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(path)
        return tmp_path / "photos"

    return call


def test_ordinary_images_pass_without_a_word(folder):
    assert read_calibration(folder(), SMALL).notes == ()


@pytest.mark.parametrize(("brightness", "word"), [(0.3, "darker"), (1.9, "brighter")])
def test_images_far_from_the_mean(folder, brightness, word):
    mean = (0.5,) * 3 if brightness < 1 else (0.2,) * 3
    (note,) = read_calibration(folder(brightness=min(brightness, 1)), Preprocessing(32, 36, mean)).notes
    assert note.startswith(
        f"the calibration images are much {word} than the preprocessing expects (average 0."
    )
    assert f"its mean {mean[0]:.2f}" in note


def test_images_that_are_enlarged(folder):
    (note,) = read_calibration(folder(side=10), SMALL).notes
    assert note.startswith("32 of 32 calibration images are much smaller than the preprocessing expects")
    assert "(median short side 10 px, enlarged to 36 px)" in note
    assert read_calibration(folder(side=20), SMALL).notes == ()


@pytest.mark.parametrize(
    ("below", "given", "said"),
    [
        ("photos/cat", "photos", True),
        ("photos/cat", "photos/cat", True),
        ("photos/cat/deep", "photos", True),
        ("photos/emu", "photos", False),
        ("photos", "photos", False),
    ],
)
def test_images_of_one_class(folder, below, given, said):
    data = folder(below=below).parent / given
    notes = class_notes(data, ("cat", "dog", "owl"))
    assert len(notes) == said
    if said:
        assert notes[0].startswith(
            "all 32 calibration images are of class 'cat', one of 3: ranges found on one"
        )
    assert class_notes(data, ("cat",)) == []


def test_images_of_two_classes(folder):
    folder(below="photos/cat")
    assert class_notes(folder(below="photos/dog"), ("cat", "dog", "owl")) == []
