"""Training images are random crops of the right distribution; validation images are those of evaluation."""

import io
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing, open_image
from micronet_edge.errors import SettingsError
from micronet_edge.training.decode import DRAFT_MARGIN, random_box, training_pixels, validation_array
from micronet_edge.training.recipe import AugmentationRecipe

SMALL = Preprocessing(size=32, resize=36)
BICUBIC = Preprocessing(size=24, resize=24, interpolation="bicubic", color_order="BGR")
CROPS = AugmentationRecipe(crop_area=(0.08, 1.0))
ALL_OF_IT = AugmentationRecipe()
LARGEST_DRAFT_ERROR = 2.6
"""Root mean square in levels of 255: one percent of the range."""


def encoded(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def noise(width=40, height=30, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def sixteen_bits():
    return Image.fromarray(np.random.default_rng(1).integers(0, 2**16, (30, 40), np.uint16))


IMAGES = {
    "RGB": encoded(noise()),
    "JPEG": encoded(noise(), "JPEG"),
    "grey": encoded(noise().convert("L")),
    "grey JPEG": encoded(noise().convert("L"), "JPEG"),
    "CMYK": encoded(noise().convert("CMYK"), "JPEG"),
    "palette": encoded(noise().convert("P")),
    "transparent palette": encoded(noise().convert("P"), transparency=3),
    "alpha": encoded(noise().convert("RGBA")),
    "bits": encoded(noise().convert("1")),
    "16 bits": encoded(sixteen_bits()),
    "GIF": encoded(noise(), "GIF"),
    "BMP": encoded(noise(), "BMP"),
}


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("preprocessing", [SMALL, BICUBIC])
def test_validation_images_are_those_of_evaluation(kind, preprocessing, tmp_path):
    path = tmp_path / "image"
    path.write_bytes(IMAGES[kind])
    expected = preprocessing.array(open_image(path))
    assert np.array_equal(validation_array(IMAGES[kind], "image", preprocessing), expected)


@pytest.mark.parametrize("kind", IMAGES)
def test_without_random_crops_the_pixels_are_those_of_evaluation(kind):
    pixels = training_pixels(IMAGES[kind], "image", SMALL, ALL_OF_IT, np.random.default_rng(0))
    assert pixels.dtype == np.uint8
    undone = SMALL.pixels(validation_array(IMAGES[kind], "image", SMALL)[None])[0] * 255
    assert np.abs(undone - pixels).max() < 1e-3


@pytest.mark.parametrize("kind", IMAGES)
def test_a_random_crop_has_the_size_of_the_input_and_repeats_with_its_seed(kind):
    one, same, other = (
        training_pixels(IMAGES[kind], "image", SMALL, CROPS, np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    assert (one.shape, one.dtype) == ((3, 32, 32), np.uint8)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@given(
    st.tuples(st.integers(1, 900), st.integers(1, 900)),
    st.sampled_from([(0.08, 1.0), (0.5, 0.9), (0.01, 0.02)]),
    st.integers(0, 100),
)
def test_a_crop_lies_in_the_image(size, area, seed):
    left, top, right, bottom = random_box(
        size, AugmentationRecipe(crop_area=area), np.random.default_rng(seed)
    )
    assert 0 <= left < right <= size[0]
    assert 0 <= top < bottom <= size[1]


def test_areas_are_uniform_and_ratios_uniform_in_their_logarithm():
    width, height = 500, 375
    boxes = np.array(
        [random_box((width, height), CROPS, np.random.default_rng(seed)) for seed in range(4000)]
    )
    across, down = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    area, ratio = across * down / (width * height), across / down
    # Crops that do not fit are drawn again, which takes some of the largest.
    assert np.allclose(np.quantile(area[area < 0.5], [0, 0.5, 1]), [0.08, 0.29, 0.5], atol=0.02)
    small = ratio[area < 0.5]
    assert np.allclose(np.quantile(small, [0, 0.5, 1]), [0.75, 1.0, 4 / 3], atol=0.03)
    assert abs((boxes[:, 0] / np.maximum(width - across, 1))[across < width].mean() - 0.5) < 0.02
    assert abs((boxes[:, 1] / np.maximum(height - down, 1))[down < height].mean() - 0.5) < 0.02


def test_where_no_crop_fits_it_is_the_largest_central_one():
    whole = AugmentationRecipe(crop_area=(1.0, 1.1))
    assert random_box((100, 20), whole, np.random.default_rng(0)) == (36, 0, 63, 20)
    assert random_box((15, 100), whole, np.random.default_rng(0)) == (0, 40, 15, 60)


@pytest.mark.parametrize(("path", "reduction"), list(product(photographs()[:3], (2, 4, 8))))
def test_draft_mode_changes_pixels_by_less_than_a_percent(path, reduction, monkeypatch):
    size = 24
    side = size * DRAFT_MARGIN * reduction + 5
    content = encoded(open_image(path).convert("RGB").resize((side + 7, side)), "JPEG", quality=92)
    recipe = AugmentationRecipe(crop_area=(0.97, 1.0), crop_ratio=(0.99, 1.01))
    square = Preprocessing(size=size, resize=size)
    drafts, draft = [], JpegImageFile.draft
    monkeypatch.setattr(JpegImageFile, "draft", lambda *args: drafts.append(draft(*args)))
    small = training_pixels(content, "image", square, recipe, np.random.default_rng(0))
    monkeypatch.setattr("micronet_edge.training.decode.DRAFT_MARGIN", 1000)
    full = training_pixels(content, "image", square, recipe, np.random.default_rng(0))
    assert len(drafts) == 1
    error = np.sqrt(((small.astype(float) - full) ** 2).mean())
    assert 0 < error < LARGEST_DRAFT_ERROR


@pytest.mark.parametrize("recipe", [CROPS, ALL_OF_IT])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty (0 bytes)"),
        (b"no image", "save it again as a usual image"),
        (IMAGES["RGB"][:300], "cannot be read as an image"),
        (IMAGES["JPEG"][:300], "cannot be read as an image"),
        (encoded(noise(2100, 2)), "too narrow for a square crop"),
        (encoded(noise(), "GIF", save_all=True, append_images=[noise(seed=3)]), "it holds 2 frames"),
        (encoded(noise().convert("F"), "TIFF"), "its pixels are floats"),
    ],
)
def test_what_is_no_clear_image_is_refused_with_its_name(recipe, content, reason, refusal):
    random = np.random.default_rng(0)
    message = refusal(SettingsError, training_pixels, content, "folder/x.png", SMALL, recipe, random)
    assert message.startswith("folder/x.png cannot be read as an image: ")
    assert reason in message
