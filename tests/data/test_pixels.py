"""Images become the numbers that files take, and whole pixels where they take bytes."""

from dataclasses import replace

import numpy as np
import pytest

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.pixels import as_numbers, as_taken, takes_bytes
from micronet_edge.data.preprocessing import GRAY, Preprocessing

PREPROCESSING = Preprocessing(size=32, resize=36)
NORMALIZED = FileMetadata("m0", ("one", "two"), PREPROCESSING)
BYTES = replace(NORMALIZED, io="uint8", pixels="raw")
# Float32 holds a pixel of 0 to 255, normalized and back, to about 255 * 2 ** -22.
PIXEL_TOLERANCE = 1e-4


@pytest.fixture
def bytes_of_photographs() -> np.ndarray:
    from micronet_edge.data.preprocessing import open_image

    images = [PREPROCESSING.cropped(open_image(path)) for path in photographs()[:3]]
    return np.stack([np.asarray(each).transpose(2, 0, 1) for each in images])


@pytest.mark.parametrize(("pixels", "white"), [("raw", 255), ("unit", 1)])
def test_numbers_are_the_pixels_of_the_photograph(bytes_of_photographs, pixels, white):
    images = PREPROCESSING.batch(photographs()[:3])
    numbers = as_numbers(images, replace(NORMALIZED, pixels=pixels))
    assert numbers.dtype == np.float32
    np.testing.assert_allclose(numbers * (255 / white), bytes_of_photographs, atol=PIXEL_TOLERANCE)
    assert as_numbers(images, NORMALIZED) is images


@pytest.mark.parametrize(
    "preprocessing", [PREPROCESSING, Preprocessing(24, 24, (0.4,), (0.3,), GRAY, width=40)]
)
def test_photographs_are_whole_pixels_to_the_bit(preprocessing):
    images = preprocessing.batch(photographs())
    (taken,) = as_taken((images,), replace(BYTES, preprocessing=preprocessing))
    np.testing.assert_array_equal(taken, images)


def test_noise_becomes_whole_pixels_within_their_range():
    noise = np.random.default_rng(0).standard_normal((2, 3, 32, 32), np.float32) * 4
    (taken,) = as_taken((noise,), BYTES)
    numbers = PREPROCESSING.pixels(taken) * 255
    assert np.abs(numbers - np.rint(numbers)).max() < PIXEL_TOLERANCE
    assert (numbers.min(), numbers.max()) == pytest.approx((0, 255), abs=PIXEL_TOLERANCE)
    inside = np.abs(PREPROCESSING.pixels(noise) * 255 - 127.5) < 127.5
    assert np.abs(taken - noise)[inside].max() <= 0.5001 / 255 / min(PREPROCESSING.std)


@pytest.mark.parametrize(
    ("io", "pixels", "whole"),
    [("uint8", "raw", True), ("int8", "raw", True), ("int8", "normalized", False), ("float32", "raw", False)],
)
def test_only_raw_integers_are_bytes(io, pixels, whole):
    metadata = replace(NORMALIZED, io=io, pixels=pixels)
    noise = np.full((1, 3, 32, 32), 0.123, np.float32)
    assert takes_bytes(metadata) is whole
    assert (as_taken((noise,), metadata)[0] is noise) is not whole
