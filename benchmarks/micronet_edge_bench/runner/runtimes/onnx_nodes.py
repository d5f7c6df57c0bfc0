"""The operators of an ONNX file, read without the onnx package, which boards lack.

A protobuf message is a sequence of fields: a varint with the field's number and its wire type, then the
value. Only the fields named here are parsed. Numbers: onnx/onnx.proto, ModelProto, GraphProto, NodeProto,
FunctionProto.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from micronet_edge_bench.runner.runtimes.errors import RuntimeUnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MODEL_GRAPH, _MODEL_FUNCTION, _GRAPH_NODE = 7, 25, 1
_FUNCTION_NAME, _FUNCTION_NODE = 1, 7
_CONSTANT = "Constant"
_NODE_INPUT, _NODE_OUTPUT, _NODE_NAME, _NODE_OP_TYPE = 1, 2, 3, 4
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class OnnxNode:
    """One operator of the file."""

    name: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read_nodes(path: Path, *, written_out: bool = True) -> list[OnnxNode]:
    """The main graph's operators in order, with functions inlined.

    Raises RuntimeUnusableError on a file that is not an ONNX message.
    """
    try:
        content = memoryview(path.read_bytes())
        nodes = [node for graph in _values(content, _MODEL_GRAPH) for node in _nodes(graph, _GRAPH_NODE)]
        functions = dict(_function(each) for each in _values(content, _MODEL_FUNCTION)) if written_out else {}
        return [each for node in nodes for each in functions.get(node.operator, [node])]
    except (IndexError, ValueError) as error:
        raise RuntimeUnusableError(
            f"{path} is not an ONNX file ({error}): copy or export it again"
        ) from error


def _function(message: memoryview) -> tuple[str, list[OnnxNode]]:
    """A function's name and its operators, without constants."""
    (name,) = _values(message, _FUNCTION_NAME)
    nodes = [node for node in _nodes(message, _FUNCTION_NODE) if node.operator != _CONSTANT]
    return bytes(name).decode(), nodes


def _nodes(message: memoryview, wanted: int) -> list[OnnxNode]:
    return [_node(value) for value in _values(message, wanted)]


def _values(message: memoryview, wanted: int) -> list[memoryview]:
    return [value for number, value in _fields(message) if number == wanted]


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
    """Every field of bytes with its number; skips numeric fields."""
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
                raise ValueError("it ends inside a field")
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
