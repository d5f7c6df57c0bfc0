"""Reads the texts of an ONNX file from the outermost level of its protobuf message, past graph and weights.

It needs neither the package `onnx` nor a runtime, so that a board reads what an app on it opens.
Source: https://protobuf.dev/programming-guides/encoding and onnx.proto, messages ModelProto and
StringStringEntryProto.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from micronet_edge.util.user_files import MOST_TEXT_BYTES

_METADATA_PROPS, _KEY, _VALUE = 14, 1, 2
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_WIDTHS = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}
_TYPE_BITS, _MOST_VARINT_BYTES = 3, 10


def metadata_props(path: Path) -> dict[str, str]:
    """The texts in a model's `metadata_props`, by key.

    Raises OSError on a file that cannot be read, ValueError on one that is no protobuf message.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        entries = [dict(_fields(io.BytesIO(entry), len(entry), _TEXTS)) for entry in _entries(file, size)]
    return {entry.get(_KEY, b"").decode(): entry.get(_VALUE, b"").decode() for entry in entries}


_TEXTS = frozenset({_KEY, _VALUE})


def _entries(file: BinaryIO, size: int) -> Iterator[bytes]:
    return (content for _, content in _fields(file, size, frozenset({_METADATA_PROPS})))


def _fields(file: BinaryIO, size: int, wanted: frozenset[int]) -> Iterator[tuple[int, bytes]]:
    """The wanted fields of a message of `size` bytes that have a length, with their numbers."""
    while (place := file.tell()) < size:
        number, kind = divmod(_varint(file), 1 << _TYPE_BITS)
        if kind == _VARINT:
            _varint(file)
            continue
        length = _varint(file) if kind == _LENGTH else _WIDTHS.get(kind)
        if not number or length is None or length > size - file.tell():
            raise ValueError(f"byte {place:,} begins no field")
        if kind != _LENGTH or number not in wanted:
            file.seek(length, io.SEEK_CUR)
            continue
        if length > MOST_TEXT_BYTES:
            raise ValueError(f"a text of {length:,} bytes")
        yield number, file.read(length)


def _varint(file: BinaryIO) -> int:
    """A number of seven bits a byte, the lowest first; the top bit of each says whether another follows."""
    value = 0
    for place in range(_MOST_VARINT_BYTES):
        (byte,) = file.read(1) or (None,)
        if byte is None:
            raise ValueError("it ends within a number")
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004
            return value
    raise ValueError("a number of more than 64 bits")
