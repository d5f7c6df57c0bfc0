"""The pictures that a person names: files, folders of them, standard input, or a camera."""

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from unicodedata import normalize

from PIL import Image

from micronet_edge.data.image_files import image_files, is_folder
from micronet_edge.data.preprocessing import decode_image, open_image
from micronet_edge.errors import SettingsError
from micronet_edge.util.user_files import IMAGE

STANDARD_INPUT = "-"
_CAMERA = re.compile(r"/dev/video[0-9]+")
_PATIENCE_S = 30
_ONE_FRAME = ("-frames:v", "1", "-f", "image2pipe", "-c:v", "png", "-")


@dataclass(frozen=True, slots=True)
class Picture:
    """An image to classify.

    Attributes:
        name: of the file, below the folder that was given.
        path: of the file; None of what has none.
        label: that of its class, where it lies in a folder of that name.
        image: the image, of what has no file.
    """

    name: str
    path: Path | None
    label: str | None = None
    image: Image.Image | None = field(default=None, repr=False)

    def opened(self) -> Image.Image:
        """The image. Raises SettingsError on a file that cannot be read."""
        if self.image is not None:
            return self.image
        assert self.path is not None  # one of the two is there
        return open_image(self.path)


def pictures_in(sources: Sequence[str], labels: Sequence[str]) -> list[Picture]:
    """The pictures in the order in which they are named, those of a folder in the order of their names.

    Args:
        sources: files, folders, - for standard input, /dev/videoN for a frame of a camera.
        labels: of the network's classes, after which folders may be called.

    Raises:
        SettingsError: on a folder without images, and on a camera or an input that gives none.
    """
    found: list[Picture] = []
    for source in sources:
        if source == STANDARD_INPUT:
            found.append(Picture("standard input", None, image=_from_standard_input()))
        elif _CAMERA.fullmatch(source):
            found.append(Picture(source, None, image=_from_camera(source)))
        elif is_folder(Path(source)):
            found += _in_folder(Path(source), labels)
        else:
            found.append(Picture(source, Path(source)))
    return found


def _in_folder(folder: Path, labels: Sequence[str]) -> list[Picture]:
    named = {normalize("NFC", label): label for label in labels}
    pictures = []
    for path in image_files(folder):
        below = path.relative_to(folder)
        of_class = below.parts[0] if len(below.parts) > 1 else folder.resolve().name
        pictures.append(Picture(below.as_posix(), path, named.get(normalize("NFC", of_class))))
    return pictures


def _from_standard_input() -> Image.Image:
    content = sys.stdin.buffer.read(IMAGE.most_bytes + 1)
    return decode_image(content, "standard input")


def _from_camera(device: str) -> Image.Image:
    """One frame, which ffmpeg takes.

    Raises SettingsError if ffmpeg or the camera is missing, or it gives none.
    """
    program = which("ffmpeg")
    if program is None:
        raise SettingsError(
            f"{device}: a camera is read by ffmpeg, which is not installed: install it, or save a frame and "
            "give that"
        )
    command = [program, "-nostdin", "-loglevel", "error", "-f", "v4l2", "-i", device, *_ONE_FRAME]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise SettingsError(f"{device} gives no frame within {_PATIENCE_S} s: check the camera") from error
    if done.returncode or not done.stdout:
        reason = " ".join(done.stderr.decode(errors="replace").split()) or "no frame came"
        raise SettingsError(f"{device} cannot be read by ffmpeg ({reason}): check the camera")
    return decode_image(done.stdout, device)
