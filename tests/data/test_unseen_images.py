"""Ranges and proof use images of their own, and images that are unlike are said to be so."""

import numpy as np
import pytest
from PIL import Image

from micronet_edge.data.image_folders import CalibrationImages, LabelledImages
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.unseen_images import ENOUGH, bundled, notes_on_few, notes_on_likeness, parted

PREPROCESSING = Preprocessing(size=32, resize=32)


def calibration(count, light=1.0):
    pixels = light * np.random.default_rng(0).random((count, 3, 32, 32), np.float32)
    mean, std = (
        np.asarray(each, np.float32)[:, None, None] for each in (PREPROCESSING.mean, PREPROCESSING.std)
    )
    return CalibrationImages(((pixels - mean) / std).astype(np.float32), "calibration", "0" * 64, 0)


def test_images_that_ranges_are_found_on_prove_nothing():
    given = calibration(ENOUGH)
    found = parted(given)
    assert (found.found_on.count, len(found.proven_on[0]), found.judged) == (
        ENOUGH * 7 // 8,
        ENOUGH // 8,
        True,
    )
    together = np.concatenate([found.found_on.images, found.proven_on[0]])
    assert len(np.unique(together.reshape(ENOUGH, -1), axis=0)) == ENOUGH


def test_few_images_serve_for_both():
    found = parted(calibration(ENOUGH - 1))
    assert found.found_on.count == len(found.proven_on[0]) == ENOUGH - 1
    (note,) = notes_on_few(found)
    assert note.startswith(f"compared with float on the {ENOUGH - 1} calibration samples themselves")
    assert notes_on_few(parted(calibration(ENOUGH))) == ()


def test_the_bundled_photographs_judge_nothing():
    assert not bundled(PREPROCESSING).judged


@pytest.mark.parametrize(("light", "lines"), [(1.0, 0), (0.95, 0), (0.45, 1)])
def test_images_in_other_light_are_said_to_be_unlike(tmp_path, light, lines):
    random, paths = np.random.default_rng(1), []
    for number in range(8):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(random.integers(256, size=(32, 32, 3), dtype=np.uint8)).save(paths[-1])
    data = LabelledImages(tuple(paths), (0,) * 8, ("a",), "data", 0, {0: "a"}, "")
    notes = notes_on_likeness(calibration(16, light), data, PREPROCESSING)
    assert len(notes) == lines
    assert all(note.startswith("calibration is unlike data: mean brightness 0.2") for note in notes)
