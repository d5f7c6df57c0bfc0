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
        metadata: what it says of itself.
    """

    model: Path
    metadata: FileMetadata

    @property
    def affine(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Factor and offset for each channel, in the file's order: what it takes is pixel * factor + offset.

        The pixel is that of the resized and cropped image, from 0 to 255.
        """
        return self.metadata.affine


class Template(Protocol):
    """What writes the files of one kind of app."""

    formats: tuple[str, ...]
    """Names of the formats whose files it runs."""

    def files(self, app: App) -> Mapping[str, bytes]:
        """The app's files by their paths in the folder, without the model itself.

        Raises SettingsError on a file that such an app cannot run.
        """
