"""What an app around a file must know, and what writes one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from micronet_edge.data.metadata import FileMetadata


@dataclass(frozen=True, slots=True)
class App:
    """A file to write an app around.

    Attributes:
        model: the file, a classifier of ONNX or TFLite.
        format: the name of its format: onnx or tflite.
        metadata: what it says of itself.
    """

    model: Path
    format: str
    metadata: FileMetadata

    @property
    def model_name(self) -> str:
        """The name of the file within the app, the same in all apps of its format."""
        return f"model.{self.format}"

    @property
    def affine(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Factor and offset for each channel, in the file's order: what it takes is pixel * factor + offset.

        The pixel is that of the resized and cropped image, from 0 to 255.
        """
        return self.metadata.affine


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an app needs and this package does not hold.

    Attributes:
        files: by their paths in the app's folder.
        note: what could not be fetched and why, with the command that completes the folder; else None.
    """

    files: Mapping[str, bytes]
    note: str | None = None


class Template(Protocol):
    """What writes the files of one kind of app.

    Attributes:
        formats: names of the formats whose files it runs.
        model_folder: where the file goes, within the app's folder: "" or "a/b".
    """

    formats: tuple[str, ...]
    model_folder: str

    def files(self, app: App) -> Mapping[str, bytes]:
        """The app's files by their paths in the folder, with / between parts, without the model itself.

        Raises SettingsError on a file that such an app cannot run.
        """

    def fetched(self, files: Mapping[str, bytes]) -> Fetched:
        """What `files` need from a package registry; a template that needs nothing may leave this out."""
