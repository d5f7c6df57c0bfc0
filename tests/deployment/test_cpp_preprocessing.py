"""What a C++ app feeds its model is what the product feeds it, to the last bit."""

from itertools import product

import numpy as np
import PIL
import pytest
from deployment.deployed_apps import SANITIZED, needs, probe, run
from PIL import Image

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs as photograph_paths
from micronet_edge.data.preprocessing import Preprocessing

BILINEAR, BICUBIC = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC
SIZES = ((7, 5), (96, 96), (301, 200), (640, 427), (1, 1), (900, 1300))
"""Width and height after resizing: far smaller, smaller, about as large, larger."""

VERTICAL_FIRST = int(PIL.__version__.split(".")[0]) >= 13
"""Older releases of Pillow never begin with the height; some pixels then differ by a step."""


def begins_with_the_height(image, size):
    """Whether Pillow 13 does, as measured: its documentation says nothing of it."""
    less_wide, less_high = image.width - size[0], image.height - size[1]
    return less_high > 0 and less_high > 2 * less_wide


def described(preprocessing, **more):
    return FileMetadata("m0", ("a", "b"), preprocessing, None, **more)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Photographs as PPM, in colour and in grey, with Pillow's images of them."""
    needs("c++")
    folder = tmp_path_factory.mktemp("photographs")
    found = []
    for path in photograph_paths():
        for mode, suffix in (("RGB", "ppm"), ("L", "pgm")):
            image = Image.open(path).convert(mode)
            image.thumbnail((420, 420))
            image = image.crop((0, 0, image.width - 3, image.height - 40))
            image.save(folder / f"{path.stem}.{suffix}")
            found.append((folder / f"{path.stem}.{suffix}", image))
    return found


@pytest.fixture(scope="module")
def resizer(tmp_path_factory):
    return probe(described(Preprocessing()), tmp_path_factory.mktemp("probe"), SANITIZED)


@pytest.mark.parametrize(("size", "how"), list(product(SIZES, (BILINEAR, BICUBIC))))
def test_images_are_resized_as_pillow_does(photographs, resizer, size, how):
    width, height = size
    left, top = width // 5, height // 3
    cut = width - left - width // 7, height - top
    for path, image in photographs:
        if begins_with_the_height(image, size) and not VERTICAL_FIRST:
            continue
        numbers = (*size, left, top, *cut, int(how == BICUBIC))
        made = run(resizer, "cut", path, len(image.getbands()), *numbers).stdout
        box = (left, top, left + cut[0], top + cut[1])
        assert made == image.resize(size, how).crop(box).tobytes(), path


def test_every_size_of_a_few_pixels_is_resized_as_pillow_does(tmp_path, resizer):
    random = np.random.default_rng(0)
    for height, width, new_height, new_width in random.integers(1, 40, (60, 4)):
        image = Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))
        image.save(tmp_path / "image.ppm")
        if begins_with_the_height(image, (new_width, new_height)) and not VERTICAL_FIRST:
            continue
        for how in (BILINEAR, BICUBIC):
            numbers = (new_width, new_height, 0, 0, new_width, new_height, int(how == BICUBIC))
            made = run(resizer, "cut", tmp_path / "image.ppm", 3, *numbers).stdout
            assert made == image.resize((new_width, new_height), how).tobytes()


def test_colours_become_grey_and_grey_becomes_colours_as_in_pillow(photographs, resizer):
    for path, image in photographs:
        other = image.convert("L" if image.mode == "RGB" else "RGB")
        numbers = (*image.size, 0, 0, *image.size, 0)
        assert run(resizer, "cut", path, len(other.getbands()), *numbers).stdout == other.tobytes()


PREPARED = {
    "normalized": described(Preprocessing()),
    "bicubic-bgr-wide": described(
        Preprocessing(96, 111, color_order="BGR", interpolation="bicubic", width=160), layout="NHWC"
    ),
    "grey-tall": described(Preprocessing(128, 150, (0.449,), (0.226,), "GRAY", width=64)),
    "unit": described(Preprocessing(97, 98), pixels="unit"),
    "raw-float": described(Preprocessing(64, 64), pixels="raw"),
    "uint8-last": described(Preprocessing(64, 73), io="uint8", pixels="raw", layout="NHWC"),
    "int8": described(Preprocessing(65, 70), io="int8", pixels="raw"),
}


def expected(image, metadata):
    preprocessing = metadata.preprocessing
    pixels = np.asarray(preprocessing.cropped(image)).reshape(*preprocessing.shape[1:], -1)
    if preprocessing.color_order == "BGR":
        pixels = pixels[..., ::-1]
    if metadata.pixels == "raw":
        numbers = pixels.astype(np.int16) - (128 if metadata.io == "int8" else 0)
    elif metadata.pixels == "unit":
        numbers = pixels.astype(np.float32) / np.float32(255)
    else:
        numbers = preprocessing.array(image).transpose(1, 2, 0)
    return numbers.astype(metadata.io).transpose(*((2, 0, 1) if metadata.layout == "NCHW" else (0, 1, 2)))


@pytest.mark.parametrize("name", sorted(PREPARED))
def test_the_input_is_that_of_the_product(photographs, tmp_path, name):
    metadata = PREPARED[name]
    program = probe(metadata, tmp_path)
    for path, image in photographs:
        made = run(program, "input", path).stdout
        assert made == expected(image, metadata).tobytes(), path


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"P6\n2 2\n255\n" + bytes(11), "cut off"),
        (b"P6\n2 2\n65535\n" + bytes(24), "other than 8 bits"),
        (b"P6\n2 x\n255\n" + bytes(12), "header is damaged"),
        (b"P6\n99999999999 2\n255\n", "header is damaged"),
        (b"P5\n99999999 99999999\n255\n", "too large"),
        (b"P5\n0 7\n255\n" + bytes(12), "too large"),
        (b"P5 # a comment without an end", "header is damaged"),
        (b"P5\n2100 2\n255\n" + bytes(4200), "too narrow"),
        (b"GIF89a", "no PGM or PPM"),
        (b"", "empty"),
    ],
)
def test_what_is_no_image_is_refused_in_words(tmp_path, resizer, content, reason):
    (tmp_path / "image").write_bytes(content)
    assert reason in run(resizer, "input", tmp_path / "image", code=1).stderr.decode()


def test_a_header_may_have_comments(tmp_path, resizer):
    (tmp_path / "image.pgm").write_bytes(b"P5 # made by hand\n2\n# height\n1 255\n\x07\x08")
    made = run(resizer, "cut", tmp_path / "image.pgm", 1, 2, 1, 0, 0, 2, 1, 0).stdout
    assert made == b"\x07\x08"
