"""Tables of TFLite's standard metadata, written by the numbers of their fields.

No maintained package has code for the schema, and a model needs few of its tables. The numbers are those of
metadata_schema.fbs 1.5.0, which is published with MediaPipe; all that is written here was in 1.0.0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import flatbuffers
import numpy as np

FILE_IDENTIFIER = b"M001"
PARSER_VERSION = "1.0.0"
"""The oldest parser that knows every field written here."""

DESCRIPTIONS, AXIS_LABELS = np.uint8(1), np.uint8(2)
"""Kinds of associated files: a description, and labels of a tensor's last axis."""

UNKNOWN_COLORS, RGB, GRAYSCALE = np.uint8(0), np.uint8(1), np.uint8(2)
_FEATURE, _IMAGE = np.uint8(1), np.uint8(2)
_NORMALIZATION = np.uint8(1)
_OFFSET_BYTES = 4

Pointed: TypeAlias = "str | Table | tuple[float, ...] | tuple[Table, ...]"
Value: TypeAlias = "np.uint8 | np.uint32 | Pointed"


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its fields by their numbers."""

    fields: Mapping[int, Value]


def associated_file(name: str, description: str, kind: np.uint8) -> Table:
    """A file in the zip archive at the model's end."""
    return Table({0: name, 1: description, 2: kind})


def image_content(colors: np.uint8, width: int, height: int) -> Table:
    """The content of a tensor that is an image."""
    size = Table({0: np.uint32(width), 1: np.uint32(height)})
    return Table({0: _IMAGE, 1: Table({0: colors, 1: size})})


def feature_content() -> Table:
    """The content of a tensor that is none of the things that the schema knows."""
    return Table({0: _FEATURE, 1: Table({})})


def normalization(mean: Sequence[float], std: Sequence[float]) -> Table:
    """What is done to a pixel of 0 to 255 outside of the model: (pixel - mean) / std."""
    return Table({0: _NORMALIZATION, 1: Table({0: tuple(mean), 1: tuple(std)})})


def tensor(
    texts: tuple[str, str],
    content: Table,
    extremes: tuple[Sequence[float], Sequence[float]] | None = None,
    normalized: Table | None = None,
    labels: Table | None = None,
) -> Table:
    """A tensor.

    Args:
        texts: its name, as in the model's signature, and a description for a person.
        content: what kind of thing it holds.
        extremes: the smallest and the largest value, of each channel or of all.
        normalized: its `normalization`, if it is an image.
        labels: the file with the names of the places on its last axis.
    """
    fields: dict[int, Value] = {0: texts[0], 1: texts[1], 3: content}
    if normalized is not None:
        fields[4] = (normalized,)
    if extremes is not None:
        fields[5] = Table({0: tuple(extremes[1]), 1: tuple(extremes[0])})
    if labels is not None:
        fields[6] = (labels,)
    return Table(fields)


def model(
    texts: tuple[str, str, str], inputs: Sequence[Table], outputs: Sequence[Table], files: Sequence[Table]
) -> Table:
    """The whole: `texts` are its name, description and version; `files` concern all of it."""
    name, description, version = texts
    graph = Table({2: tuple(inputs), 3: tuple(outputs)})
    return Table({0: name, 1: description, 2: version, 3: (graph,), 6: tuple(files), 7: PARSER_VERSION})


def content_of(root: Table) -> bytes:
    """The buffer whose root is this table."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(_table(builder, root), FILE_IDENTIFIER)
    return bytes(builder.Output())


def _table(builder: flatbuffers.Builder, table: Table) -> int:
    # What a table points to has to be complete before the table begins.
    places = {
        number: _place(builder, value)
        for number, value in table.fields.items()
        if not isinstance(value, np.uint8 | np.uint32)
    }
    builder.StartObject(max(table.fields, default=-1) + 1)
    for number, value in table.fields.items():
        if isinstance(value, np.uint8):
            builder.PrependUint8Slot(number, int(value), 0)
        elif isinstance(value, np.uint32):
            builder.PrependUint32Slot(number, int(value), 0)
        else:
            builder.PrependUOffsetTRelativeSlot(number, places[number], 0)
    end: int = builder.EndObject()
    return end


def _place(builder: flatbuffers.Builder, value: Pointed) -> int:
    """Writes what a field points to; where it begins."""
    place: int
    if isinstance(value, str):
        place = builder.CreateSharedString(value)
    elif isinstance(value, Table):
        place = _table(builder, value)
    elif tables := [_table(builder, each) for each in value if isinstance(each, Table)]:
        builder.StartVector(_OFFSET_BYTES, len(tables), _OFFSET_BYTES)
        for each in reversed(tables):
            builder.PrependUOffsetTRelative(each)
        place = builder.EndVector()
    else:
        place = builder.CreateNumpyVector(np.array(value, np.float32))
    return place
