"""What a file says of itself in TFLite's standard metadata, which MediaPipe, ML Kit and others read.

The standard knows RGB and grey images, whose pixels are normalized by (pixel - mean) / std, and files of
labels. It knows neither crops nor blue-first images: the descriptions say these, and such an image's colours
are unknown, so that no reader feeds it red first. Our own metadata, which tells all, lies in the zip archive
at the file's end, as the labels do (metadata.py).
"""

from collections.abc import Sequence

from micronet_edge.data.file_ends import image_text, resize_text, scores_text
from micronet_edge.data.metadata import DESCRIPTION_KEY, LABELS_KEY, FileMetadata, tool_version
from micronet_edge_tflite.metadata import ASSOCIATED_FILES
from micronet_edge_tflite.writer import metadata_tables as tables
from micronet_edge_tflite.writer.metadata_tables import Table

STANDARD_METADATA = "TFLITE_METADATA"
"""Of the buffer, in the list of the model's metadata."""

Stored = tuple[float, int]
"""Scale and zero point of a tensor: an integer q stands for scale * (q - zero point)."""

_COLORS = {"RGB": tables.RGB, "GRAY": tables.GRAYSCALE, "BGR": tables.UNKNOWN_COLORS}
_EXTREMES = {"uint8": ((0.0,), (255.0,)), "int8": ((-128.0,), (127.0,))}
_WHITE = 255.0
_HASH_SHOWN = 12


def standard_metadata(metadata: FileMetadata, stored: Stored | None = None) -> bytes:
    """The content of the buffer.

    Args:
        metadata: what the file says of itself.
        stored: scale and zero point of the input tensor; None of one without.
    """
    ends = metadata.interface
    if metadata.takes_images:
        inputs = [_image(metadata, stored)]
    else:
        inputs = [_array(spec.name, f"Array {list(spec.shape)}.") for spec in ends.inputs]
    if metadata.is_classifier:
        outputs = [_scores(metadata)]
    else:
        outputs = [_array(spec.name, f"Array {list(spec.shape)}.") for spec in ends.outputs]
    return tables.content_of(tables.model(_texts(metadata), inputs, outputs, [_own_file()]))


def _texts(metadata: FileMetadata) -> tuple[str, str, str]:
    """The model's name, description and version."""
    sha256 = metadata.checkpoint_sha256
    kind = f"image classifier of {len(metadata.labels)} classes" if metadata.is_classifier else "network"
    tool = metadata.tool or f"micronet-edge {tool_version()}"
    return (
        metadata.variant,
        f"{metadata.variant}, {kind}, in {metadata.precision}. Written by {tool}.",
        f"weights {sha256[:_HASH_SHOWN]}" if sha256 else "random weights, for timing only",
    )


def _own_file() -> Table:
    name = ASSOCIATED_FILES[DESCRIPTION_KEY]
    return tables.associated_file(name, "Preprocessing and origin, as JSON.", tables.DESCRIPTIONS)


def _image(metadata: FileMetadata, stored: Stored | None) -> Table:
    _, height, width = metadata.preprocessing.shape
    mean, std = _normalization(metadata, stored)
    text = image_text(metadata)
    description = f"{text[:1].upper()}{text[1:]}. {resize_text(metadata.preprocessing)}"
    return tables.tensor(
        (metadata.interface.inputs[0].name, description),
        tables.image_content(_COLORS[metadata.preprocessing.color_order], width, height),
        _EXTREMES.get(metadata.io) or _extremes(mean, std),
        tables.normalization(mean, std),
    )


def _normalization(
    metadata: FileMetadata, stored: Stored | None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of pixels of 0 to 255: one number each if all channels have the same.

    Of integers they give the number that an integer stands for, as the standard wants it.
    """
    factors, offsets = metadata.affine
    scale, zero_point = stored if stored is not None and metadata.pixels != "normalized" else (1.0, 0)
    pairs = list(zip(factors, offsets, strict=True))
    mean = tuple((zero_point - offset) / factor for factor, offset in pairs)
    std = tuple(1 / (factor * scale) for factor in factors)
    return (mean[:1], std[:1]) if len(set(pairs)) == 1 else (mean, std)


def _extremes(mean: Sequence[float], std: Sequence[float]) -> tuple[list[float], list[float]]:
    """What black and white become."""
    pairs = list(zip(mean, std, strict=True))
    return [-low / by for low, by in pairs], [(_WHITE - low) / by for low, by in pairs]


def _scores(metadata: FileMetadata) -> Table:
    (spec,) = metadata.interface.outputs
    labels = tables.associated_file(
        ASSOCIATED_FILES[LABELS_KEY], "The classes' names, one a line.", tables.AXIS_LABELS
    )
    text = scores_text(metadata)
    extremes = ((0.0,), (1.0,)) if metadata.scores == "softmax" else None
    return tables.tensor(
        (spec.name, f"{text[:1].upper()}{text[1:]}."), tables.feature_content(), extremes, labels=labels
    )


def _array(name: str, description: str) -> Table:
    return tables.tensor((name, description), tables.feature_content())
