"""Images of one colour and of any proportions; square ones in colour stay as they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from micronet_edge.data.image_arrays import read_array
from micronet_edge.data.light_variants import light_variants
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import SettingsError

GRAY = Preprocessing(20, 24, (0.4,), (0.2,), "GRAY", width=40)
SIDES = st.integers(1, 60)


def image(width, height, mode="RGB", seed=0):
    shape = (height, width) if mode == "L" else (height, width, 3)
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8), mode)


@given(SIDES, SIDES, SIDES, SIDES, st.integers(0, 40))
def test_an_image_is_scaled_just_enough_to_cover_the_crop(width, height, crop_height, crop_width, more):
    preprocessing = Preprocessing(crop_height, crop_height + more, width=crop_width)
    wide, high = preprocessing._resized((width, height))
    wanted = preprocessing.resize * crop_width // crop_height, preprocessing.resize
    assert wide >= crop_width
    assert high >= crop_height
    assert (wide == wanted[0] and high >= wanted[1]) or (high == wanted[1] and wide >= wanted[0])
    assert preprocessing.array(image(width, height)).shape == (3, crop_height, crop_width)


@given(SIDES, SIDES, SIDES, st.integers(0, 40))
def test_square_crops_are_what_they_were(width, height, size, more):
    short = size + more
    sides = tuple(int(short * length / min(width, height)) for length in (width, height))
    assert Preprocessing(size, short)._resized((width, height)) == sides
    assert Preprocessing(size, short, width=size)._resized((width, height)) == sides


def test_grey_stays_grey():
    pixels = image(40, 20, "L")
    plain = Preprocessing(20, 20, (0.0,), (1.0,), "GRAY", width=40)
    np.testing.assert_allclose(plain.array(pixels)[0], np.asarray(pixels) / 255.0, rtol=1e-6)
    np.testing.assert_array_equal(plain.array(pixels.convert("RGB")), plain.array(pixels))
    deep = Image.fromarray(np.asarray(pixels).astype(np.uint16) * 256)
    np.testing.assert_array_equal(plain.array(deep), plain.array(pixels))


def test_pixels_undo_the_normalization_of_grey():
    given = GRAY.array(image(90, 60))[None]
    assert given.shape == (1, 1, 20, 40)
    assert GRAY.pixels(given).min() >= -1e-6
    assert GRAY.pixels(given).max() <= 1 + 1e-6


def test_other_light_keeps_the_shape():
    import torch

    given = torch.from_numpy(GRAY.array(image(90, 60))[None])
    assert light_variants(given, GRAY).shape == (3, 1, 20, 40)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mean": (0.4,) * 3}, "means must be one number"),
        ({"std": (0.2,) * 3}, "deviations must be one number"),
        ({"width": 0}, "must be a whole number of pixels"),
        ({"width": 5.0}, "must be a whole number of pixels"),
        ({"width": 9000}, "give a crop whose sides are at most"),
        ({"color_order": "RGB"}, "means must be three numbers"),
        ({"color_order": "LAB"}, "choose RGB, BGR or GRAY"),
    ],
)
def test_bad_settings(refusal, settings, said):
    own = {"size": 20, "resize": 24, "mean": (0.4,), "std": (0.2,), "color_order": "GRAY"} | settings
    assert said in refusal(SettingsError, Preprocessing, **own)


def test_arrays_of_grey_pixels(tmp_path, refusal):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 30, 50), np.uint8)
    np.save(tmp_path / "grey.npy", pixels)
    found = read_array(tmp_path / "grey.npy", GRAY)
    np.testing.assert_array_equal(found[1], GRAY.array(Image.fromarray(pixels[1])))
    np.save(tmp_path / "done.npy", found)
    np.testing.assert_array_equal(read_array(tmp_path / "done.npy", GRAY), found)
    assert "uint8 [n, height, width, 3]" in refusal(
        SettingsError, read_array, tmp_path / "grey.npy", Preprocessing(20, 24)
    )
