"""Images and other samples from NumPy files."""

from pathlib import Path

import numpy as np
from PIL import Image

from micronet_edge.data.preprocessing import Images, Preprocessing
from micronet_edge.errors import SettingsError
from micronet_edge.util.user_files import ARRAYS, check_archive, check_file

ARRAY_SUFFIXES = (".npy", ".npz")
IMAGES_NAME = "images"

_PIXELS_NDIM, _COLORS = 4, 3

Arrays = dict[str, np.ndarray]


def read_array(path: Path, preprocessing: Preprocessing) -> Images:
    """Reads the images of a .npy file, or of a .npz file with one array or one named `images`.

    No code inside the file runs.

    Given    uint8 [n, h, w, 3], RGB pixels, or for a grey network [n, h, w], which are preprocessed
             here; or float32 [n, channels, height, width], already preprocessed
    Raises   SettingsError on a file that cannot be read, an array of another type or shape, and floats
             that no pixels give: NaN, infinity, or far outside the range of preprocessed images.
    """
    array = _only_array(path)
    grey = preprocessing.channels == 1
    if array.dtype == np.uint8 and _are_pixels(array.shape, grey=grey):
        return _preprocessed(path, array, preprocessing)
    if array.dtype == np.float32 and array.shape[1:] == preprocessing.shape:
        _check_values(path, array, preprocessing)
        return np.ascontiguousarray(array)
    shape = ", ".join(map(str, preprocessing.shape))
    pixels = "[n, height, width] or " if grey else ""
    raise SettingsError(
        f"{path} holds {array.dtype} {list(array.shape)}: give uint8 {pixels}[n, height, width, 3] pixels, "
        f"or float32 [n, {shape}] images that are preprocessed"
    )


def _are_pixels(shape: tuple[int, ...], *, grey: bool) -> bool:
    """Whether it is the shape of RGB pixels, or of grey ones, for a network that takes these."""
    colored = len(shape) == _PIXELS_NDIM and shape[3] == _COLORS
    return colored or (grey and len(shape) == _PIXELS_NDIM - 1)


def read_arrays(path: Path) -> Arrays:
    """The arrays of a .npz file by name, or the one of a .npy file under the name "".

    Raises SettingsError on a file that cannot be read.
    """
    check_file(path, ARRAYS)
    check_archive(path, ARRAYS)
    try:
        with path.open("rb") as file:  # NumPy does not close what it fails to read
            loaded = np.load(file, allow_pickle=False)
            arrays = {"": loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except Exception as error:  # NumPy raises different types, depending on the damage
        reason = " ".join(str(error).split()) or type(error).__name__
        if "pickle" in reason:  # NumPy advises to load it all the same, which may run code
            reason = "it holds no arrays of plain numbers"
        raise SettingsError(f"{path} cannot be read as a NumPy file ({reason}): save it again") from error
    return arrays


def _only_array(path: Path) -> np.ndarray:
    arrays = read_arrays(path)
    if IMAGES_NAME not in arrays and len(arrays) != 1:
        raise SettingsError(
            f"{path} holds {len(arrays)} arrays ({', '.join(arrays)}): "
            f"give the array of images the name {IMAGES_NAME!r}"
        )
    array: np.ndarray = arrays.get(IMAGES_NAME, next(iter(arrays.values())))
    return array


def _preprocessed(path: Path, pixels: np.ndarray, preprocessing: Preprocessing) -> Images:
    images = np.empty((len(pixels), *preprocessing.shape), np.float32)
    for number, image in enumerate(pixels):
        try:
            images[number] = preprocessing.array(Image.fromarray(image))
        except (SettingsError, ValueError) as error:  # ValueError: no pixels at all
            raise SettingsError(f"{path}, image {number}: {error}") from error
    return images


def _check_values(path: Path, images: Images, preprocessing: Preprocessing) -> None:
    """Checks that values are finite and at most one pixel range outside what pixels can give.

    Another method of resizing may overshoot that much; values of 0 to 255 lie far outside.
    """
    mean, std = (np.asarray(each)[:, None, None] for each in (preprocessing.mean, preprocessing.std))
    for number, image in enumerate(images):
        pixels = image * std + mean
        if not np.isfinite(pixels).all():
            raise SettingsError(f"{path}, image {number} holds NaN or infinity: preprocess it again")
        if pixels.min() < -1 or pixels.max() > 2:  # noqa: PLR2004
            raise SettingsError(
                f"{path}, image {number} runs from {image.min():.3g} to {image.max():.3g}, which is not "
                f"preprocessed with mean {preprocessing.mean} and std {preprocessing.std}: do so, or give "
                "uint8 pixels"
            )
