"""Counts a TFLite file, from its own graph."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.counting.count import Count, counted
from micronet_edge.counting.graph import Graph, Operator, Tensor
from micronet_edge.counting.layer_names import layer_of_operator
from micronet_edge.errors import MicronetEdgeError, TargetError
from micronet_edge.targets.protocol import FLOAT32
from micronet_edge.util.text import listed
from micronet_edge.util.user_files import NETWORK, read_bytes
from micronet_edge_tflite.counting.formulas import arithmetic_of, every_input
from micronet_edge_tflite.counting.operator_names import OPERATOR_NAMES
from micronet_edge_tflite.metadata import read_metadata
from micronet_edge_tflite.micro.limits import notes_on
from micronet_edge_tflite.operators import OPERATORS

_IDENTIFIER = slice(4, 8)
_KNOWN_IDENTIFIER = b"TFL3"
_ABSENT = -1
_OPEN = -1
_BITS = {"FLOAT64": 64, "INT64": 64, "UINT64": 64, "COMPLEX64": 64, "COMPLEX128": 128, "INT4": 4, "UINT4": 4}
_BITS |= {"FLOAT16": 16, "INT16": 16, "UINT16": 16, "BFLOAT16": 16, "INT8": 8, "UINT8": 8, "BOOL": 8}
_USUAL_BITS = 32
_BYTE = 8


def count_file(path: Path) -> Count:
    """The cost of one inference of the file; an open batch counts as one image.

    Raises:
        TargetError: If the file is no TFLite model, is damaged, or leaves more than the batch open.
    """
    content = read_bytes(path, NETWORK)
    if content[_IDENTIFIER] != _KNOWN_IDENTIFIER:
        raise TargetError(f"{path} is no TFLite model, as it lacks the mark TFL3 of one: export it again")
    try:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
        found = _GraphOf(model).graph()
        notes = (*found.notes, *notes_on(content))
        graph = replace(found, named=_names_are_ours(path), notes=notes)
    except TargetError as error:
        raise TargetError(f"{path}: {error}") from error
    except Exception as error:  # the reader follows damaged offsets anywhere, and may raise anything
        raise TargetError(f"{path} is a damaged TFLite model ({error}): copy it again") from error
    return counted(graph)


def _names_are_ours(path: Path) -> bool:
    """Whether our writer named all operators: the converter may have written a float file."""
    try:
        metadata = read_metadata(path)
    except MicronetEdgeError:
        return False
    return metadata.precision != FLOAT32 and not metadata.naive


class _GraphOf:
    """Reads the first subgraph, the one that an inference runs."""

    def __init__(self, model: schema.ModelT) -> None:
        self._codes = [_code_name(code) for code in model.operatorCodes]
        self._graph, self._buffers = model.subgraphs[0], model.buffers
        inputs = [self._graph.tensors[place] for place in self._graph.inputs]
        self._open_batch = any(_is_open(tensor) for tensor in inputs)
        self._tensors = [self._tensor(place) for place in range(len(self._graph.tensors))]

    def graph(self) -> Graph:
        operators = tuple(self._operator(operator) for operator in self._graph.operators or ())
        read = {tensor.stored for operator in operators for tensor in operator.reads}
        unread = {tensor.stored: tensor for tensor in self._tensors if tensor.stored not in read}
        given = self._all(self._graph.inputs)
        images = {tensor.shape[0] for tensor in given if tensor.shape}
        return Graph(
            operators,
            given,
            self._all(self._graph.outputs),
            unread=tuple(tensor for tensor in unread.values() if tensor.stored is not None),
            images=images.pop() if len(images) == 1 else 1,
            notes=("the file takes any number of images: counted for one",) if self._open_batch else (),
        )

    def _operator(self, operator: schema.OperatorT) -> Operator:
        kind = self._codes[operator.opcodeIndex]
        inputs = [None if place == _ABSENT else self._tensors[place] for place in operator.inputs]
        outputs = self._all(operator.outputs)
        formula = OPERATORS.formula(kind)
        arithmetic = arithmetic_of(formula, operator.builtinOptions, inputs, outputs)
        data = every_input(inputs) if formula is None else formula.data(inputs)
        name = outputs[0].name if outputs else kind
        return Operator(
            name,
            layer_of_operator(name),
            kind,
            tuple(tensor for place, tensor in enumerate(inputs) if tensor is not None and place in data),
            outputs,
            arithmetic,
            tuple(tensor for place, tensor in enumerate(inputs) if tensor is not None and place not in data),
        )

    def _all(self, places: Sequence[int]) -> tuple[Tensor, ...]:
        return tuple(self._tensors[place] for place in places)

    def _tensor(self, place: int) -> Tensor:
        tensor = self._graph.tensors[place]
        # A converter joins the names of the operators that it fused.
        name = tensor.name.decode(errors="replace").split(";")[0]
        shape = tuple(map(int, () if tensor.shape is None else tensor.shape))
        buffer = self._buffers[tensor.buffer]
        stored_bytes = len(buffer.data) if buffer.data is not None else buffer.size
        if stored_bytes:
            return Tensor(name, shape, stored_bytes, stored=f"buffer {tensor.buffer}")
        memory = f"tensor {place}"  # names need not be unique
        return Tensor(name, shape, _size_bytes(prod(shape), tensor.type), held_in=memory)


def _is_open(tensor: schema.TensorT) -> bool:
    """Whether an input leaves the batch open.

    Raises:
        TargetError: If it leaves another dimension open.
    """
    signature = [] if tensor.shapeSignature is None else [int(length) for length in tensor.shapeSignature]
    unknown = [place for place, length in enumerate(signature) if length == _OPEN]
    if unknown and unknown != [0]:
        shape = listed(["?" if length == _OPEN else length for length in signature])
        raise TargetError(
            f"input {tensor.name.decode()} has an open shape [{shape}]: export it for a fixed size"
        )
    return bool(unknown)


def _code_name(code: schema.OperatorCodeT) -> str:
    if code.customCode is not None:
        return str(code.customCode.decode(errors="replace"))
    # Old files have only the deprecated field, which ends at 127.
    return str(OPERATOR_NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)])


def _names(enumeration: type) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


_TYPES = _names(schema.TensorType)


def _size_bytes(elements: int, kind: int) -> int:
    bits = _BITS.get(_TYPES[kind], _USUAL_BITS)
    return (elements * bits + _BYTE - 1) // _BYTE
