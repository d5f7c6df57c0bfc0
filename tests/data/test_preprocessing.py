"""Images become arrays as a slow computation in plain loops says, whatever kind of image it was."""

import json
import math
import os

import numpy as np
import pytest
from jaxtyping import TypeCheckError
from PIL import Image
from shape_checks import checked

from micronet_edge.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing, open_image
from micronet_edge.errors import SettingsError

SMALL = Preprocessing(size=32, resize=36)
# Pillow resizes in fixed-point arithmetic: a pixel can be one level of 255 off the exact value.
LEVEL_TOLERANCE = 1.001 / 255 / min(IMAGENET_STD)
# float32 figures of about 2.
ROUNDING_TOLERANCE = 1e-6

# Not by an import hook, whose checks would come before the package's own and hide them.
checked_array = checked(Preprocessing.array)
checked_batch = checked(Preprocessing.batch)
checked_pixels = checked(Preprocessing.pixels)


def noise(height: int, width: int, *channels: int, top: int = 256, dtype=np.uint8) -> np.ndarray:
    return np.random.default_rng([height, width]).integers(0, top, (height, width, *channels), dtype)


def slow_normalized(pixels: np.ndarray, settings: Preprocessing) -> np.ndarray:
    """RGB pixels [size, size, 3] of 0..255 as the array [3, size, size]."""
    array = np.empty((3, settings.size, settings.size))
    for channel in range(3):
        source = channel if settings.color_order == "RGB" else 2 - channel
        for y in range(settings.size):
            for x in range(settings.size):
                scaled = float(pixels[y, x, source]) / 255
                array[channel, y, x] = (scaled - settings.mean[channel]) / settings.std[channel]
    return array


def triangle(x: float) -> float:
    return max(0.0, 1 - abs(x))


def cubic(x: float) -> float:
    """Keys' cubic with a = -0.5."""
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def slow_resized_rows(rows: np.ndarray, length: int, kernel, support: int) -> np.ndarray:
    """The first axis resampled to `length`, smoothed where it shrinks, rounded to 0..255."""
    step = len(rows) / length
    spread = max(step, 1.0)
    result = []
    for position in range(length):
        center = (position + 0.5) * step
        first = max(0, int(center - support * spread + 0.5))
        last = min(len(rows), int(center + support * spread + 0.5))
        weights = [kernel((index + 0.5 - center) / spread) for index in range(first, last)]
        total = sum(w * rows[index] for w, index in zip(weights, range(first, last), strict=True))
        result.append(np.clip(np.floor(total / sum(weights) + 0.5), 0, 255))
    return np.array(result)


def slow_array(pixels: np.ndarray, settings: Preprocessing) -> np.ndarray:
    kernel, support = {"bilinear": (triangle, 1), "bicubic": (cubic, 2)}[settings.interpolation]
    height, width = (length * settings.resize // min(pixels.shape[:2]) for length in pixels.shape[:2])
    columns = slow_resized_rows(pixels.astype(float).swapaxes(0, 1), width, kernel, support)
    scaled = slow_resized_rows(columns.swapaxes(0, 1), height, kernel, support)
    top, left = (round((length - settings.size) / 2) for length in (height, width))
    return slow_normalized(scaled[top : top + settings.size, left : left + settings.size], settings)


@pytest.mark.parametrize("color_order", ["RGB", "BGR"])
def test_values_are_scaled_ordered_and_normalized(color_order):
    settings = Preprocessing(32, 32, (0.1, 0.5, 0.9), (0.2, 0.5, 1.5), color_order)
    pixels = noise(32, 32, 3)
    array = checked_array(settings, Image.fromarray(pixels))
    assert array.shape == (3, 32, 32)
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    np.testing.assert_allclose(
        array, slow_normalized(pixels, settings), rtol=ROUNDING_TOLERANCE, atol=ROUNDING_TOLERANCE
    )


@pytest.mark.parametrize("color_order", ["RGB", "BGR"])
def test_normalized_images_become_pixels_again(color_order):
    settings = Preprocessing(32, 32, (0.1, 0.5, 0.9), (0.2, 0.5, 1.5), color_order)
    pixels = noise(32, 32, 3)
    images = np.stack([settings.array(Image.fromarray(each)) for each in (pixels, pixels[::-1])])
    found = settings.pixels(images)
    assert (found.dtype, found.shape) == (np.float32, images.shape)
    ordered = pixels if color_order == "RGB" else pixels[..., ::-1]
    expected = np.stack([ordered, ordered[::-1]]).transpose(0, 3, 1, 2) / 255
    np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING_TOLERANCE)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("shape", [(72, 90), (90, 72), (45, 45), (36, 60), (18, 22), (200, 36)], ids=str)
def test_the_short_side_is_resized_and_the_centre_cropped(shape, interpolation):
    settings = Preprocessing(32, 36, interpolation=interpolation)
    pixels = noise(*shape, 3)
    found = settings.array(Image.fromarray(pixels))
    np.testing.assert_allclose(found, slow_array(pixels, settings), rtol=0, atol=LEVEL_TOLERANCE)


@pytest.mark.parametrize(
    ("image_size", "scaled_size", "corner"),
    [
        ((256, 256), (256, 256), (16, 16)),
        ((500, 375), (341, 256), (58, 16)),
        ((375, 500), (256, 341), (16, 58)),
        ((640, 427), (383, 256), (80, 16)),
        ((500, 334), (383, 256), (80, 16)),
        ((100, 400), (256, 1024), (16, 400)),
    ],
)
def test_resize_and_crop_are_those_of_the_authors_evaluation(image_size, scaled_size, corner):
    # They use torchvision's Resize, which cuts the long side down to a whole number of pixels, and
    # CenterCrop, which rounds the corner, halves to even.
    image = Image.fromarray(noise(*reversed(image_size), 3))
    scaled = image.resize(scaled_size, Image.Resampling.BILINEAR)
    left, top = corner
    expected = Preprocessing(224, 224).array(scaled.crop((left, top, left + 224, top + 224)))
    assert np.array_equal(Preprocessing.imagenet().array(image), expected)


@pytest.mark.parametrize(
    ("size", "resize"), [(224, 256), (32, 36), (64, 73), (96, 109), (128, 146), (160, 182), (288, 329)]
)
def test_imagenet_preprocessing_is_the_authors(size, resize):
    assert Preprocessing.imagenet(size) == Preprocessing(
        size, resize, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "RGB", "bilinear"
    )
    assert math.floor(size / 0.875) == resize


# --- Kinds of images


def assert_seen_as(image: Image.Image, rgb: np.ndarray, tolerance: float = 0) -> None:
    expected = SMALL.array(Image.fromarray(rgb.astype(np.uint8)))
    np.testing.assert_allclose(SMALL.array(image), expected, rtol=0, atol=tolerance)


def test_grey_is_the_same_in_every_colour():
    grey = noise(50, 70)
    assert_seen_as(Image.fromarray(grey), np.stack([grey] * 3, axis=2))


def test_black_and_white_is_0_and_255():
    bits = noise(50, 70, top=2)
    assert_seen_as(Image.fromarray(bits.astype(bool)), np.stack([bits * 255] * 3, axis=2))


@pytest.mark.parametrize("channels", [2, 4], ids=["grey", "colour"])
def test_transparency_is_left_out(channels):
    pixels = noise(50, 70, channels)
    colors = pixels[..., :-1]
    assert_seen_as(Image.fromarray(pixels), np.broadcast_to(colors, (50, 70, 3)))


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_a_palette_is_looked_up(tmp_path, suffix):
    colors, indices = noise(256, 3), noise(50, 70)
    image = Image.fromarray(indices)
    image.putpalette(colors.tobytes())
    image.save(tmp_path / f"palette.{suffix}")
    stored = open_image(tmp_path / f"palette.{suffix}")
    assert (image.mode, stored.mode) == ("P", "P")
    assert_seen_as(image, colors[indices])
    assert_seen_as(stored, colors[indices])


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path, suffix):
    values = noise(50, 70, top=2**16, dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / f"deep.{suffix}")
    stored = open_image(tmp_path / f"deep.{suffix}")
    assert stored.mode.startswith("I")
    assert_seen_as(stored, np.stack([values // 256] * 3, axis=2))
    assert_seen_as(Image.fromarray(values.astype(np.int32)), np.stack([values // 256] * 3, axis=2))


def test_inks_become_light():
    inks = noise(50, 70, 4)
    light = (255 - inks[..., :3].astype(float)) * (255 - inks[..., 3:].astype(float)) / 255
    assert_seen_as(Image.fromarray(inks, mode="CMYK"), np.rint(light), tolerance=2 * LEVEL_TOLERANCE)


def test_inks_in_a_file_are_the_right_way_round(tmp_path):
    # Photoshop stores them inverted, and so does Pillow.
    Image.new("CMYK", (50, 70), (0, 255, 255, 0)).save(tmp_path / "red.jpg", quality=100)
    red = np.broadcast_to((255, 0, 0), (70, 50, 3))
    assert_seen_as(open_image(tmp_path / "red.jpg"), red, tolerance=3 * LEVEL_TOLERANCE)


def test_a_palette_with_transparency_is_looked_up_without_a_warning(tmp_path):
    colors, indices = noise(256, 3), noise(50, 70)
    image = Image.fromarray(indices)
    image.putpalette(colors.tobytes())
    image.save(tmp_path / "palette.png", transparency=bytes(range(256)))
    assert_seen_as(open_image(tmp_path / "palette.png"), colors[indices])


def test_an_exif_orientation_is_left_alone(tmp_path):
    image = Image.fromarray(noise(50, 70, 3))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.png", exif=exif)
    assert_seen_as(open_image(tmp_path / "turned.png"), np.asarray(image))


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (36, 36), (2000, 5)], ids=str)
def test_tiny_and_narrow_images_fill_the_square(size):
    array = SMALL.array(Image.new("RGB", size, (255, 0, 0)))
    expected = [[1, 0, 0][c] - IMAGENET_MEAN[c] for c in range(3)] / np.array(IMAGENET_STD)
    np.testing.assert_allclose(array, np.broadcast_to(expected[:, None, None], (3, 32, 32)), rtol=1e-5)


# --- Files


def test_a_batch_holds_its_images_in_order(tmp_path):
    images = [Image.fromarray(noise(height, 70, 3)) for height in (40, 50, 60)]
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for image, path in zip(images, paths, strict=True):
        image.save(path)
    batch = checked_batch(SMALL, paths)
    assert batch.shape == (3, 3, 32, 32)
    assert batch.dtype == np.float32
    assert all(np.array_equal(row, SMALL.array(image)) for row, image in zip(batch, images, strict=True))


def test_the_types_of_the_signature_are_checked():
    with pytest.raises(TypeCheckError):
        checked_array(SMALL, "no image")


def test_the_shapes_of_the_signature_are_checked():
    image = SMALL.array(Image.new("RGB", (32, 32)))
    assert checked_pixels(SMALL, image[None]).shape == (1, *image.shape)
    for wrong in (image, image[None].astype(np.float64)):
        with pytest.raises(TypeCheckError):
            checked_pixels(SMALL, wrong)


def test_a_batch_of_nothing_is_refused(refusal):
    assert "no images" in refusal(SettingsError, SMALL.batch, [])


def broken_chunk(png: bytes) -> bytes:
    assert png.count(b"IDAT") > 1
    start = png.rindex(b"IDAT")
    return png[:start] + b"\xc3\x1fZ\xbc" + png[start + 4 :]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda _: b"a text", id="text"),
        pytest.param(lambda png: png[:20], id="header cut"),
        pytest.param(lambda png: png[: len(png) // 2], id="half"),
        pytest.param(broken_chunk, id="broken chunk"),
    ],
)
def test_a_file_that_is_no_image_is_named(tmp_path, refusal, damage):
    path = tmp_path / "image.png"
    Image.fromarray(noise(256, 256, 3)).save(path)
    good = path.read_bytes()
    path.write_bytes(damage(good))
    assert refusal(SettingsError, open_image, path).startswith(f"{path} cannot be read as an image: ")
    (tmp_path / "good.png").write_bytes(good)
    assert str(path) in refusal(SettingsError, SMALL.batch, [tmp_path / "good.png", path])


def test_a_missing_file_and_a_directory_are_named(tmp_path, refusal):
    for path in (tmp_path / "none.png", tmp_path):
        assert refusal(SettingsError, open_image, path).startswith(f"{path} cannot be read as an image: ")


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_an_image_of_several_frames_is_refused(tmp_path, refusal, suffix):
    first, *others = (Image.fromarray(noise(height, 70, 3)) for height in (50, 50, 50))
    others = [Image.fromarray(255 - np.asarray(image)) for image in others]
    path = tmp_path / f"moving.{suffix}"
    first.save(path, save_all=True, append_images=[*others, first])
    assert "frames: save the one you mean" in refusal(SettingsError, open_image, path)


def test_of_a_photograph_with_a_preview_the_photograph_is_taken(tmp_path):
    photograph, preview = (
        Image.new("RGB", (size, size), color) for size, color in [(50, "red"), (25, "blue")]
    )
    path = tmp_path / "telephone.jpg"
    photograph.save(path, "MPO", save_all=True, append_images=[preview])
    assert np.asarray(open_image(path))[0, 0].tolist() == pytest.approx([254, 0, 0], abs=1)


def unclear(kind: str) -> Image.Image:
    return {
        "floats": Image.fromarray(np.zeros((50, 70), np.float32)),
        "more than 16 bits": Image.fromarray(np.full((50, 70), 70_000, np.int32)),
        "negative": Image.fromarray(np.full((50, 70), -1, np.int32)),
        "narrow": Image.new("L", (1001, 1)),
    }[kind]


@pytest.mark.parametrize("kind", ["floats", "more than 16 bits", "negative", "narrow"])
def test_an_image_of_no_certain_meaning_is_refused(tmp_path, refusal, kind):
    unclear(kind).save(tmp_path / "unclear.tif")
    error_line = refusal(SettingsError, open_image, tmp_path / "unclear.tif")
    assert error_line.startswith(f"{tmp_path / 'unclear.tif'} cannot be read as an image: i")
    assert refusal(SettingsError, SMALL.array, unclear(kind)).endswith(error_line.partition(": ")[2])


def test_a_decompression_bomb_is_named(tmp_path, refusal):
    path = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(path)
    assert path.stat().st_size < 100_000
    error_line = refusal(SettingsError, open_image, path)
    assert error_line.startswith(f"{path} cannot be read as an image: ")
    assert "decompression bomb" in error_line


def test_nobody_waits_for_a_pipe(tmp_path, refusal):
    path = tmp_path / "pipe.png"
    os.mkfifo(path)
    assert refusal(SettingsError, open_image, path).startswith(
        f"{path} cannot be read as an image: it is a pipe, not a file: save"
    )


# --- Settings


@pytest.mark.parametrize(
    "settings",
    [Preprocessing(), SMALL, Preprocessing(64, 64, (0.1, 0.2, 0.3), (1.0, 2.0, 3.0), "BGR", "bicubic")],
    ids=["default", "small", "everything"],
)
def test_settings_survive_json(settings):
    values = json.loads(json.dumps(settings.to_dict()))
    assert Preprocessing.from_dict(values) == settings
    assert set(values) == {"size", "resize", "mean", "std", "color_order", "interpolation"}


@pytest.mark.parametrize(
    "changed",
    [
        {"size": "32"},
        {"size": None},
        {"mean": "abc"},
        {"mean": "123"},
        {"mean": [1, 2]},
        {"mean": 1},
        {"new": 1},
    ],
    ids=str,
)
def test_stored_settings_of_another_kind_are_refused(refusal, changed):
    values = {**SMALL.to_dict(), **changed}
    refusal(SettingsError, Preprocessing.from_dict, values)


@pytest.mark.parametrize("missing", ["mean", "std"])
def test_settings_with_a_hole_are_refused(refusal, missing):
    values = {key: value for key, value in SMALL.to_dict().items() if key != missing}
    assert "cannot be read" in refusal(SettingsError, Preprocessing.from_dict, values)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"resize": 31}, "cannot crop 32 px out of a short side of 31 px"),
        ({"size": 0}, "size"),
        ({"size": -32}, "size"),
        ({"size": 31.5}, "size"),
        ({"color_order": "GRB"}, "colour order 'GRB': choose RGB, BGR or GRAY"),
        ({"interpolation": "nearest"}, "interpolation 'nearest': choose bilinear or bicubic"),
        ({"std": (1.0, 0.0, 1.0)}, "standard deviations must be"),
        ({"std": (1.0, -1.0, 1.0)}, "standard deviations must be"),
        ({"std": (math.nan, 1.0, 1.0)}, "standard deviations must be"),
        ({"std": (1.0, 1.0)}, "standard deviations must be"),
        ({"std": ()}, "standard deviations must be"),
        ({"mean": (math.nan, 1.0, 1.0)}, "means must be"),
        ({"mean": (1.0, 1.0)}, "means must be"),
        ({"resize": 8193}, "short side of 8193 px: give at most 8192 px"),
        ({"std": (1e-300, 1.0, 1.0)}, "standard deviation 1e-300 lies outside 0.001 to 10"),
        ({"std": (58.4, 57.1, 57.4)}, "values for pixels of 0..255 do not fit: divide it by 255: 0.229"),
        ({"mean": (123.7, 116.3, 103.5)}, "mean 123.7 lies outside -1 to 2"),
        ({"mean": (1e30, 0.0, 0.0)}, "do not fit: check it"),
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(refusal, changed, message):
    assert message in refusal(SettingsError, Preprocessing, **{"size": 32, "resize": 36, **changed})
