"""Decodes each image once before training: whether it can be read, what it holds, which are the same."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image

from micronet_edge.data.image_modes import as_rgb
from micronet_edge.data.preprocessing import decode_image
from micronet_edge.errors import SettingsError
from micronet_edge.training.stores import Store
from micronet_edge.util.processes import in_processes, usable_cores

MOST_EXAMINED = 50_000
"""Most images that are decoded before training if the user gives both parts: some minutes on one core."""

_FEW = 4_000  # for fewer, starting processes takes longer than they save
_PART = 500
_ORIENTATION, _UPRIGHT = 0x0112, 1  # EXIF
_GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L")


@dataclass(frozen=True, slots=True)
class Facts:
    """What an image holds.

    Attributes:
        sha256: hash of the size and the pixels, in hexadecimal; empty for an unreadable image.
        short_side: in pixels.
        grey: whether it is stored without colours.
        turned: whether an EXIF orientation asks for a rotation, which is ignored.
        error: why it cannot be read; None if it can.
    """

    sha256: str
    short_side: int = 0
    grey: bool = False
    turned: bool = False
    error: str | None = None


def examine(store: Store, report: Callable[[str], None]) -> list[Facts]:
    """The facts of all images, read in several processes if there are many."""
    count, cores = len(store), usable_cores()
    parts = [store.selected(range(start, min(start + _PART, count))) for start in range(0, count, _PART)]
    done = 0

    def count_up(part: Store) -> None:
        nonlocal done
        done += len(part)
        if count > _PART:
            report(f"checked {done:,} of {count:,} images")

    if count >= _FEW and cores > 1:
        return [each for part in in_processes(_examine_part, parts, cores, count_up) for each in part]
    facts: list[Facts] = []
    for part in parts:
        facts += _examine_part(part)
        count_up(part)
    return facts


def hash_names(store: Store) -> list[Facts]:
    """Facts of images that are not decoded: hashes of their names and sizes."""
    texts = [f"{store.short_name(number)}\0{store.size_bytes(number)}" for number in range(len(store))]
    return [Facts(hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()) for text in texts]


def _examine_part(store: Store) -> Sequence[Facts]:
    return [_examined(store, number) for number in range(len(store))]


def _examined(store: Store, number: int) -> Facts:
    try:
        image = decode_image(store.read(number), store.name(number))
    except SettingsError as error:
        return Facts("", error=str(error))
    return Facts(
        pixels_sha256(image),
        min(image.size),
        image.mode in _GREY_MODES,
        image.getexif().get(_ORIENTATION, _UPRIGHT) != _UPRIGHT,
    )


def pixels_sha256(image: Image.Image) -> str:
    """The hash of an image's size and its pixels in red, green and blue."""
    rgb = as_rgb(image)
    digest = hashlib.sha256(f"{rgb.width} x {rgb.height}\n".encode())
    digest.update(rgb.tobytes())
    return digest.hexdigest()
