"""The operators of an ONNX file, read without the onnx package, which no board has.

A protobuf message is a row of fields: a varint with the field's number and its wire type, then the value.
Only the fields named here are looked into. Numbers: onnx/onnx.proto, ModelProto, GraphProto, NodeProto.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from micronet_edge_bench.runner.runtimes.errors import RuntimeUnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MODEL_GRAPH, _GRAPH_NODE = 7, 1
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_OP_TYPE = 1, 2, 3, 4
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class OnnxNode:
    """One operator of the file."""

    name: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read_nodes(path: Path) -> list[OnnxNode]:
    """The main graph's operators, in the file's order.

    Raises RuntimeUnusableError on a file that is no such message.
    """
    try:
        content = memoryview(path.read_bytes())
        graphs = [value for number, value in _fields(content) if number == _MODEL_GRAPH]
        return [_node(value) for graph in graphs for number, value in _fields(graph) if number == _GRAPH_NODE]
    except (IndexError, ValueError) as error:
        raise RuntimeUnusableError(f"{path} is no ONNX file: {error}") from error


def _node(message: memoryview) -> OnnxNode:
    texts: dict[int, list[str]] = {number: [] for number in range(1, 5)}
    for number, value in _fields(message):
        if number in texts:
            texts[number].append(bytes(value).decode())
    first = {number: "".join(texts[number][:1]) for number in (_NODE_NAME, _NODE_OP_TYPE)}
    return OnnxNode(
        first[_NODE_NAME], first[_NODE_OP_TYPE], tuple(texts[_NODE_INPUT]), tuple(texts[_NODE_OUTPUT])
    )


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Every field of bytes with its number; numbers are passed over."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, wire_type = key >> 3, key & 7
        if wire_type == _VARINT:
            _, position = _varint(message, position)
        elif wire_type in (_FIXED64, _FIXED32):
            position += 8 if wire_type == _FIXED64 else 4
        elif wire_type == _BYTES:
            size, position = _varint(message, position)
            if position + size > len(message):
                raise ValueError("it ends in the middle of a field")
            yield number, message[position : position + size]
            position += size
        else:
            raise ValueError(f"it has a field of the unknown wire type {wire_type}")


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follows
            return value, position
