"""The drawn task: the same from a seed, another image from every other, and a letter to be seen in each."""

import sys
from pathlib import Path

import numpy as np
import pytest

SUITES = Path(__file__).parents[2] / "benchmarks" / "suites"


@pytest.fixture
def glyphs(monkeypatch):
    monkeypatch.syspath_prepend(str(SUITES))
    import glyphs

    yield glyphs
    del sys.modules["glyphs"]


def drawn(glyphs, label, *seed):
    return np.asarray(glyphs.draw(label, np.random.default_rng(seed)), np.float64)


def test_an_image_comes_from_its_seed_alone(glyphs):
    first = drawn(glyphs, 3, 1, 2)
    assert first.shape == (glyphs.SIZE, glyphs.SIZE, 3)
    assert np.array_equal(first, drawn(glyphs, 3, 1, 2))
    assert not np.array_equal(first, drawn(glyphs, 3, 1, 3))


def test_the_letter_is_what_the_label_says(glyphs):
    """With the same ground, light and noise two letters differ where their ink is, and nowhere else."""
    changed = np.abs(drawn(glyphs, 0, 5) - drawn(glyphs, 1, 5)).max(axis=2) > 0
    assert 0.01 < changed.mean() < 0.5


def test_light_covers_dark_and_bright_images(glyphs):
    means = [drawn(glyphs, label, 7, label).mean() for label in range(len(glyphs.LABELS))]
    assert min(means) < 80
    assert max(means) > 120


def test_what_lies_there_is_not_drawn_again(glyphs, monkeypatch, tmp_path):
    monkeypatch.setattr(glyphs, "COUNTS", {"calibration": 1, "test": 1})
    folder = glyphs.write_images(tmp_path)
    files = sorted(folder.rglob("*.png"))
    assert len(files) == 2 * len(glyphs.LABELS)
    files[0].write_bytes(b"mine")
    files[1].unlink()
    glyphs.write_images(tmp_path)
    assert sorted(folder.rglob("*.png")) == files
    assert files[0].read_bytes() == b"mine"
