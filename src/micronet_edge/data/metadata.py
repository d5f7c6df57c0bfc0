"""What a file says of itself: labels, preprocessing and where it came from."""

import json
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

from micronet_edge.data.labels import are_numbers
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import ForeignFileError, SettingsError, TargetError
from micronet_edge.util.user_files import parse_json

DISTRIBUTION = "micronet-edge"
LABELS_KEY = "labels"
DESCRIPTION_KEY = "micronet_edge"
UNHASHED = ""
"""Stands for the hash of a network's weights until that is known."""


def tool_version() -> str:
    """The installed version of this package."""
    return version(DISTRIBUTION)


@dataclass(frozen=True, slots=True)
class FileMetadata:
    """What travels inside every file.

    `variant` is what the network is called. `checkpoint_sha256` is that of the file its weights came from, or
    of the weights themselves for a module of one's own, which is found where it is left out; None for random
    weights. `layout` is that of the file's input tensor, NCHW
    or NHWC. `naive` and `portable` are the settings it was exported with. A file that takes `pixels`
    wants them as they are, less what its input's zero point says, in the preprocessing's colour order;
    otherwise they are to be normalized. `assumed` names what neither the checkpoint nor a person said:
    fields of the preprocessing, or labels. `weights` is which of a checkpoint's two sets were taken, ema or
    raw; None where it has one.
    """

    variant: str
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    checkpoint_sha256: str | None = UNHASHED
    precision: str = "float32"
    layout: str = "NCHW"
    naive: bool = False
    portable: bool = False
    pixels: bool = False
    tool: str = ""
    assumed: tuple[str, ...] = ()
    weights: Literal["ema", "raw"] | None = None

    @property
    def labels_assumed(self) -> bool:
        """Whether the labels are but the classes' numbers, since nobody gave any."""
        return "labels" in self.assumed

    def to_texts(self) -> dict[str, str]:
        """As two texts: the labels, one a line, and the rest as JSON.

        Raises SettingsError on a label of several lines.
        """
        if broken := next((label for label in self.labels if "\n" in label), None):
            raise SettingsError(f"label {broken!r} holds a line break: give labels of one line each")
        description = {
            "tool": self.tool or f"{DISTRIBUTION} {tool_version()}",
            "variant": self.variant,
            "checkpoint_sha256": self.checkpoint_sha256,
            "precision": self.precision,
            "layout": self.layout,
            "naive": self.naive,
            "portable": self.portable,
            "pixels": self.pixels,
            "assumed": self.assumed,
            "weights": self.weights,
            "preprocessing": self.preprocessing.to_dict(),
        }
        return {LABELS_KEY: "\n".join(self.labels) + "\n", DESCRIPTION_KEY: json.dumps(description, indent=1)}

    @classmethod
    def from_texts(cls, texts: dict[str, str], source: str) -> "FileMetadata":
        """Reads back what to_texts wrote; `source` names the file in errors.

        Raises TargetError where texts are missing or were changed beyond recognition.
        """
        if DESCRIPTION_KEY not in texts or LABELS_KEY not in texts:
            raise ForeignFileError(source)
        try:
            description: Any = parse_json(texts[DESCRIPTION_KEY])
            preprocessing = Preprocessing.from_dict(description.pop("preprocessing"))
            labels = tuple(texts[LABELS_KEY].removesuffix("\n").split("\n"))
            # Files of older versions do not say whether their labels were given.
            assumed = description.pop("assumed", ("labels",) if are_numbers(labels) else ())
            return cls(
                labels=labels, preprocessing=preprocessing, assumed=tuple(map(str, assumed)), **description
            )
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, SettingsError) as error:
            raise TargetError(f"{source}: its metadata cannot be read ({error}): export it again") from error
