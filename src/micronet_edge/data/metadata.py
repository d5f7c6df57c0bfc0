"""The metadata of a file: labels, preprocessing and origin."""

import json
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

from micronet_edge.data.labels import are_numbers
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.signature import Signature, TensorSpec
from micronet_edge.errors import ForeignFileError, SettingsError, TargetError
from micronet_edge.settings import Pixels, Runtime, Scores
from micronet_edge.util.user_files import parse_json

DISTRIBUTION = "micronet-edge"
LABELS_KEY = "labels"
DESCRIPTION_KEY = "micronet_edge"
_WHITE = 255
_SIGNED_OFFSET = -128.0
UNHASHED = ""
"""Placeholder for the hash of a network's weights until it is known."""


def tool_version() -> str:
    """The installed version of this package."""
    return version(DISTRIBUTION)


@dataclass(frozen=True, slots=True)
class FileMetadata:
    """The metadata inside every file.

    Attributes:
        variant: the name of the network.
        checkpoint_sha256: hash of the file of the weights; for a user's module, of the weights themselves,
            computed if left out; None for random weights.
        layout: NCHW or NHWC, of the file's input tensor.
        naive: whether the file contains the network as trained.
        portable: whether the ONNX file avoids Gather.
        io: type of the input: float32, uint8 or int8.
        pixels: the numbers that the input takes, in the preprocessing's colour order: normalized by its mean
            and deviation, or pixels of 0 to 1 (unit) or 0 to 255 (raw). Of int8, raw is the pixel minus 128.
        scores: logits, or probabilities (softmax).
        assumed: fields of the preprocessing, or labels, that neither the checkpoint nor the user states.
        runtime: the runtime that the file is written for.
        weights: ema or raw, if the checkpoint holds both; else None.
        signature: inputs and outputs of what is no image classifier; None for one.
    """

    variant: str
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    checkpoint_sha256: str | None = UNHASHED
    precision: str = "float32"
    layout: str = "NCHW"
    naive: bool = False
    portable: bool = False
    io: str = "float32"
    pixels: Pixels = "normalized"
    scores: Scores = "logits"
    tool: str = ""
    assumed: tuple[str, ...] = ()
    weights: Literal["ema", "raw"] | None = None
    runtime: Runtime = "default"
    signature: Signature | None = None

    @property
    def labels_assumed(self) -> bool:
        """Whether the labels are only the classes' numbers, since none were given."""
        return "labels" in self.assumed

    @property
    def interface(self) -> Signature:
        """The inputs and outputs by name, of an image classifier as well."""
        if self.signature is not None:
            return self.signature
        image = TensorSpec("image", self.preprocessing.shape)
        name = "logits" if self.scores == "logits" else "scores"
        return Signature((image,), (TensorSpec(name, (len(self.labels),)),))

    @property
    def takes_images(self) -> bool:
        """Whether the only input is a preprocessed image; else the preprocessing means nothing."""
        return [each.shape for each in self.interface.inputs] == [self.preprocessing.shape]

    @property
    def is_classifier(self) -> bool:
        """Whether it answers an image with one logit per label."""
        return self.takes_images and [each.shape for each in self.interface.outputs] == [(len(self.labels),)]

    @property
    def affine(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Factor and offset of each channel, in the file's order: it takes pixel * factor + offset.

        The pixel is that of the resized and cropped image, from 0 to 255. Integers of normalized numbers
        are these numbers, quantized as the input tensor says.
        """
        channels = self.preprocessing.channels
        if self.pixels == "normalized":
            means_and_stds = list(zip(self.preprocessing.mean, self.preprocessing.std, strict=True))
            factors = tuple(1 / (_WHITE * std) for _, std in means_and_stds)
            return factors, tuple(-mean / std for mean, std in means_and_stds)
        factor = 1 / _WHITE if self.pixels == "unit" else 1.0
        offset = _SIGNED_OFFSET if self.io == "int8" else 0.0
        return (factor,) * channels, (offset,) * channels

    def to_texts(self) -> dict[str, str]:
        """As two texts: the labels, one per line, and the rest as JSON.

        Raises SettingsError on a label of several lines.
        """
        if broken := next((label for label in self.labels if "\n" in label), None):
            raise SettingsError(f"label {broken!r} holds a line break: give labels of one line each")
        description: dict[str, object] = {
            "tool": self.tool or f"{DISTRIBUTION} {tool_version()}",
            "variant": self.variant,
            "checkpoint_sha256": self.checkpoint_sha256,
            "precision": self.precision,
            "layout": self.layout,
            "naive": self.naive,
            "portable": self.portable,
            "io": self.io,
            "pixels": self.pixels,
            "scores": self.scores,
            "assumed": self.assumed,
            "weights": self.weights,
            "runtime": self.runtime,
            "preprocessing": self.preprocessing.to_dict(),
        }
        if self.signature is not None:
            description["signature"] = self.signature.to_dict()
        return {LABELS_KEY: "\n".join(self.labels) + "\n", DESCRIPTION_KEY: json.dumps(description, indent=1)}

    @classmethod
    def from_texts(cls, texts: dict[str, str], source: str) -> "FileMetadata":
        """Reads what to_texts wrote; `source` names the file in errors.

        Raises TargetError if texts are missing or cannot be parsed.
        """
        if DESCRIPTION_KEY not in texts or LABELS_KEY not in texts:
            raise ForeignFileError(source)
        try:
            description: Any = parse_json(texts[DESCRIPTION_KEY])
            preprocessing = Preprocessing.from_dict(description.pop("preprocessing"))
            signature = description.pop("signature", None)
            lines = texts[LABELS_KEY].removesuffix("\n")
            labels = () if signature is not None and not lines else tuple(lines.split("\n"))
            # Files of older versions do not record whether their labels were given.
            assumed = description.pop("assumed", ("labels",) if are_numbers(labels) else ())
            if (pixels := description.pop("pixels", "normalized")) is True or pixels is False:
                # Older versions took pixels as int8 alone.
                description["io"] = "int8" if pixels else "float32"
                pixels = "raw" if pixels else "normalized"
            return cls(
                pixels=pixels,
                labels=labels,
                preprocessing=preprocessing,
                assumed=tuple(map(str, assumed)),
                signature=None if signature is None else Signature.from_dict(signature),
                **description,
            )
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, SettingsError) as error:
            raise TargetError(f"{source}: its metadata cannot be read ({error}): export it again") from error


def check_classifier(metadata: FileMetadata, source: object, task: str) -> None:
    """Raises SettingsError, which says what it is, on what is no image classifier.

    Given    its name in messages, and the task that needs a classifier
    """
    if metadata.is_classifier:
        return
    found = metadata.interface
    inputs, outputs = (", ".join(map(str, specs)) for specs in (found.inputs, found.outputs))
    raise SettingsError(
        f"{source} is no image classifier (it takes {inputs} and gives {outputs}): {task} needs one logit "
        "per label for an image; `verify` and `bench` take any file"
    )


def check_images(metadata: FileMetadata, source: object, task: str) -> None:
    """Raises SettingsError on a network that takes no images. Given as for `check_classifier`."""
    if not metadata.takes_images:
        inputs = ", ".join(map(str, metadata.interface.inputs))
        raise SettingsError(f"{source} takes no images but {inputs}: {task} needs an image network")
