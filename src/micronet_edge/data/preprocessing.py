"""Preprocessing from image to array: size, crop, mean, standard deviation and colour order."""

import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path

import numpy as np
from jaxtyping import Float32
from PIL import Image, UnidentifiedImageError

from micronet_edge.data.image_modes import as_gray, as_rgb
from micronet_edge.errors import SettingsError
from micronet_edge.util.user_files import IMAGE, bytes_problem, file_problem

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
_CROP_PER_RESIZE = 0.875
_EIGHT_BITS, _SIXTEEN_BITS = 2**8 - 1, 2**16 - 1
_MPO_AND_PSD = ("MPO", "PSD")  # their further frames are previews, a stereo view or layers
_LONGEST_PER_SHORTEST = 1000  # beyond, resizing the short side would exhaust the memory

MOST_RESIZED = 8192
"""Maximum short side after resizing, in pixels: a photograph of that size takes 0.3 GB."""

_MEANS = (-1.0, 2.0)  # one pixel range beyond 0..1 on either side
_DEVIATIONS = (1e-3, 10.0)  # 1/255, for pixels that stay at 0..255, is the smallest in use

RGB, BGR, GRAY = "RGB", "BGR", "GRAY"
_COLORS = 3

IMAGENET_GRAY_MEAN, IMAGENET_GRAY_STD = (0.449,), (0.226,)
"""The averages of ImageNet's figures over the colours."""

Images = Float32[np.ndarray, "n channels height width"]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How to prepare images for a network: resize the short side, crop the centre, scale, normalize.

    `size` and `width` are the height and the width of the crop in pixels, `width` None of a square one.
    `resize` is the short side after resizing, for a square crop. For any crop: the image is scaled until it
    covers a rectangle of the crop's proportions and of the height `resize`, and touches it on two sides.
    `mean` and `std` are for values scaled to 0..1, in `color_order`; one number each if that is GRAY.
    """

    size: int = 224
    resize: int = 256
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    color_order: str = RGB
    interpolation: str = "bilinear"
    width: int | None = None

    def __post_init__(self) -> None:
        if type(self.size) is not int or type(self.resize) is not int or self.size < 1:
            raise SettingsError(
                f"size {self.size!r} and resize {self.resize!r} must be whole numbers of pixels, 1 or more"
            )
        if self.resize < self.size:
            raise SettingsError(f"cannot crop {self.size} px out of a short side of {self.resize} px")
        if self.resize > MOST_RESIZED:
            raise SettingsError(
                f"short side of {self.resize} px: give at most {MOST_RESIZED} px; one photograph of that "
                "size takes 0.3 GB"
            )
        if self.width is not None and (type(self.width) is not int or self.width < 1):
            raise SettingsError(f"width {self.width!r} must be a whole number of pixels, 1 or more")
        if self._resized_width > MOST_RESIZED:
            raise SettingsError(
                f"a crop of {self.size} x {self.width} px out of {self._resized_width} px: give a crop whose "
                f"sides are at most {MOST_RESIZED} px after resizing"
            )
        if self.color_order not in {RGB, BGR, GRAY}:
            raise SettingsError(f"colour order {self.color_order!r}: choose RGB, BGR or GRAY")
        if self.interpolation not in {"bilinear", "bicubic"}:
            raise SettingsError(f"interpolation {self.interpolation!r}: choose bilinear or bicubic")
        wanted = "one number" if self.channels == 1 else "three numbers"
        if len(self.mean) != self.channels or not all(isfinite(value) for value in self.mean):
            raise SettingsError(f"means must be {wanted}, not {self.mean}")
        if len(self.std) != self.channels or not all(isfinite(value) and value > 0 for value in self.std):
            raise SettingsError(f"standard deviations must be {wanted} above zero, not {self.std}")
        _check_range("mean", self.mean, _MEANS)
        _check_range("standard deviation", self.std, _DEVIATIONS)

    @classmethod
    def imagenet(cls, size: int = 224) -> "Preprocessing":
        """The evaluation preprocessing of the released networks, scaled to another size."""
        return cls(size=size, resize=resize_for_crop(size, _CROP_PER_RESIZE))

    @property
    def channels(self) -> int:
        """Of an image: one if it is grey, else three."""
        return 1 if self.color_order == GRAY else _COLORS

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a preprocessed image: channels, height, width."""
        return self.channels, self.size, self.size if self.width is None else self.width

    @property
    def _resized_width(self) -> int:
        """The width of the rectangle that a resized image covers; its height is `resize`."""
        return self.resize * self.shape[2] // self.size

    def to_dict(self) -> dict[str, object]:
        """As plain values; without the width of a square crop, which earlier versions do not know."""
        values = asdict(self)
        if self.width is None:
            del values["width"]
        return values

    @classmethod
    def from_dict(cls, values: dict[str, object]) -> "Preprocessing":
        """Reads what to_dict wrote.

        Raises SettingsError if a field is missing, unknown or of another type.
        """
        try:
            fields = dict(values, mean=_numbers(values["mean"]), std=_numbers(values["std"]))
            return cls(**fields)  # type: ignore[arg-type]  # __post_init__ checks them
        except (KeyError, TypeError, ValueError) as error:
            raise SettingsError(f"preprocessing that cannot be read: {values}") from error

    def array(self, image: Image.Image) -> Float32[np.ndarray, "channels height width"]:
        """Preprocesses one image.

        Raises SettingsError on an image whose 8-bit colours are ambiguous.
        """
        pixels = np.asarray(self.cropped(image), dtype=np.float32) / 255.0
        if pixels.ndim < _COLORS:
            pixels = pixels[..., None]
        ordered = pixels[..., ::-1] if self.color_order == BGR else pixels
        return self.normalized(ordered.transpose(2, 0, 1))

    def cropped(self, image: Image.Image) -> Image.Image:
        """The RGB or grey image, cut to `shape`, that `array` normalizes. Raises as `array` does."""
        if (objection := _objection(image)) is not None:
            raise SettingsError(f"unsuitable image: {objection}")
        plain = as_gray(image) if self.color_order == GRAY else as_rgb(image)
        scaled = plain.resize(self._resized(image.size), self.resampling)
        _, height, width = self.shape
        left, top = round((scaled.width - width) / 2), round((scaled.height - height) / 2)
        return scaled.crop((left, top, left + width, top + height))

    def _resized(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size of a resized image, as torchvision's Resize finds it for a square crop.

        The released networks were evaluated with that: it rounds the long side down.
        """
        width, height = size
        long, short = self.resize * self.shape[2], self.size  # width to height of what is covered
        if height * long < width * short * self.resize:
            return self.resize * width // height, self.resize
        return long // short, long * height // (short * width)

    @property
    def resampling(self) -> Image.Resampling:
        """Pillow's name of the interpolation."""
        return Image.Resampling.BICUBIC if self.interpolation == "bicubic" else Image.Resampling.BILINEAR

    def normalized(
        self, pixels: Float32[np.ndarray, "*n channels height width"]
    ) -> Float32[np.ndarray, "*n channels height width"]:
        """Normalizes pixels from 0 (black) to 1, of one image or of several."""
        mean, std = (np.array(each).reshape(-1, 1, 1) for each in (self.mean, self.std))
        return np.ascontiguousarray((pixels - mean) / std, dtype=np.float32)

    def pixels(self, images: Images) -> Images:
        """Undoes `normalized`: pixels from 0 (black) to 1."""
        mean, std = (np.array(each, np.float32).reshape(-1, 1, 1) for each in (self.mean, self.std))
        return images * std + mean

    def batch(self, paths: Sequence[Path]) -> Images:
        """Reads image files into one batch [n, *shape].

        Raises SettingsError on a file that is not an image, with its name, and on an empty list.
        """
        if not paths:
            raise SettingsError("no images to make a batch of: give at least one")
        return np.stack([self.array(open_image(path)) for path in paths])


def resize_for_crop(size: int, crop: float) -> int:
    """The short side of which `size` px are the share `crop`, rounded down as in timm.

    Raises SettingsError unless 0 < `crop` <= 1.
    """
    if not 0 < crop <= 1:
        raise SettingsError(
            f"crop {crop:g}: give the share of the short side that is kept, above 0 and up to 1"
        )
    return int(min(size / crop, MOST_RESIZED + 1))


def _check_range(name: str, values: tuple[float, ...], limits: tuple[float, float]) -> None:
    """Raises SettingsError on values outside what pixels scaled to 0..1 need."""
    low, high = limits
    if (wrong := next((value for value in values if not low <= value <= high), None)) is not None:
        advice = f"divide it by 255: {wrong / 255:.4g}" if high < wrong <= _EIGHT_BITS else "check it"
        raise SettingsError(
            f"{name} {wrong:g} lies outside {low:g} to {high:g}, the limits for pixels scaled to 0..1; "
            f"values for pixels of 0..255 do not fit: {advice}"
        )


def open_image(path: Path) -> Image.Image:
    """Decodes an image, with its pixels as stored.

    It ignores the EXIF orientation, as torchvision does, with which the released networks were trained;
    frames of a camera have none.

    Raises SettingsError on a file that is missing, damaged or not an image, and on an ambiguous one: with
    several frames, or with pixels whose black and white are unknown.
    """
    if (problem := file_problem(path, IMAGE)) is not None:
        raise _unreadable(path, f"it {problem}")
    return _decoded(path, path, None)


def decode_image(
    content: bytes, name: str, prepare: Callable[[Image.Image], None] | None = None
) -> Image.Image:
    """As open_image, for the bytes of an image file.

    Given    its name in messages; `prepare` is called with the image before its pixels are decoded
    Raises   SettingsError as open_image does.
    """
    if (problem := bytes_problem(content, IMAGE)) is not None:
        raise _unreadable(name, f"it {problem}")
    return _decoded(io.BytesIO(content), name, prepare)


def _unreadable(name: Path | str, reason: str) -> SettingsError:
    return SettingsError(f"{name} cannot be read as an image: {reason}")


def _decoded(
    source: Path | io.BytesIO, name: Path | str, prepare: Callable[[Image.Image], None] | None
) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # images that Pillow only warns about have valid pixels
            return _checked(source, prepare)
    except SettingsError as error:
        raise _unreadable(name, str(error)) from error
    except UnidentifiedImageError as error:  # its text shows the address of an object
        raise _unreadable(name, f"it is in no format of images that Pillow knows: {IMAGE.remedy}") from error
    except Exception as error:  # Pillow raises different types, depending on the damage
        reason = " ".join(str(error).split()) or type(error).__name__
        raise _unreadable(name, f"{reason}: {IMAGE.remedy}") from error


def _checked(source: Path | io.BytesIO, prepare: Callable[[Image.Image], None] | None) -> Image.Image:
    with Image.open(source) as image:
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format not in _MPO_AND_PSD:
            raise SettingsError(f"it holds {frames} frames: save the one you mean")
        if prepare is not None:
            prepare(image)
        image.load()
    if (objection := _objection(image)) is not None:
        raise SettingsError(objection)
    return image


def _objection(image: Image.Image) -> str | None:
    """Why an image's 8-bit colours are ambiguous; None if they are not."""
    width, height = image.size
    if max(width, height) > _LONGEST_PER_SHORTEST * min(width, height):
        return f"it is {width} x {height} px, too narrow for a square crop: pad it or leave it out"
    if image.mode == "F":
        return "its pixels are floats, whose black and white are unknown: save it with 8 or 16 bits"
    if image.mode == "I":
        low, high = image.getextrema()
        assert isinstance(low, int | float)  # one band has one pair
        assert isinstance(high, int | float)
        if low < 0 or high > _SIXTEEN_BITS:
            return f"its pixels run from {low} to {high}: save it with 8 or 16 bits"
    return None


def _numbers(values: object) -> tuple[float, ...]:
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise TypeError(values)
    return tuple(map(float, values))
