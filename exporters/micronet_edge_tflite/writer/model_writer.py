"""Writes a TFLite model operator by operator, with the flatbuffer schema in LiteRT's package."""

from collections import Counter
from collections.abc import Mapping, Sequence

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from micronet_edge.quantization.qparams import QuantParams

_TYPES = {
    "float16": schema.TensorType.FLOAT16,
    "float32": schema.TensorType.FLOAT32,
    "int8": schema.TensorType.INT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "uint8": schema.TensorType.UINT8,
}
_SIGN = 128
"""What an unsigned byte has more than the signed one for the same number."""
_VERSION = 3
_VERSIONS = {schema.BuiltinOperator.BROADCAST_TO: 2}
"""Of operators whose first version LiteRT does not know."""

FILE_IDENTIFIER = b"TFL3"
SIGNATURE, IMAGE, LOGITS = "serving_default", "image", "logits"
"""The signature's name, as TensorFlow's converter gives it, and the names of its input and output."""


class _Parameters(schema.QuantizationParametersT):  # type: ignore[misc]  # the schema has no types
    """Quantization parameters whose zero points are stored once for all tensors that have the same.

    Otherwise half of a small network's file would be zero points, of eight bytes each.
    """

    def __init__(
        self, scales: Sequence[float], zero_points: Sequence[int], axis: int, written: dict[bytes, int]
    ) -> None:
        super().__init__()
        self._scales, self._zero_points = np.asarray(scales, np.float32), np.asarray(zero_points, np.int64)
        self._axis, self._written = axis, written

    @property
    def first(self) -> tuple[float, int]:
        """Scale and zero point of the tensor, or of its first channel."""
        return float(self._scales[0]), int(self._zero_points[0])

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802 - the schema's own name
        key = self._zero_points.tobytes()
        if key not in self._written:
            self._written[key] = builder.CreateNumpyVector(self._zero_points)
        scales = builder.CreateNumpyVector(self._scales)
        schema.QuantizationParametersStart(builder)
        schema.QuantizationParametersAddScale(builder, scales)
        schema.QuantizationParametersAddZeroPoint(builder, self._written[key])
        schema.QuantizationParametersAddQuantizedDimension(builder, self._axis)
        offset: int = schema.QuantizationParametersEnd(builder)
        return offset


class ModelWriter:
    """Collects the tensors and operators of one subgraph and builds the file's content."""

    def __init__(self) -> None:
        self._buffers = [schema.BufferT()]  # by convention the first is empty: that of computed tensors
        self._tensors: list[schema.TensorT] = []
        self._operators: list[schema.OperatorT] = []
        self._codes: list[int] = []
        self._names: Counter[str] = Counter()
        self._places: dict[bytes, int] = {}
        self._zero_points: dict[bytes, int] = {}
        self._qparams: dict[int, QuantParams] = {}
        self._metadata: list[schema.MetadataT] = []

    def tensor(self, name: str, shape: Sequence[int], qparams: QuantParams | None) -> int:
        """A computed tensor, of float32 without quantization parameters; its index."""
        kind = "float32" if qparams is None else f"int{qparams.bits}"
        scales = None if qparams is None else [qparams.scale]
        zero_points = None if qparams is None else [qparams.zero_point]
        index = self._add(name, shape, kind, 0, self._parameters(scales, zero_points))
        if qparams is not None:
            self._qparams[index] = qparams
        return index

    def unsigned(self, name: str, shape: Sequence[int], qparams: QuantParams) -> int:
        """A computed tensor of bytes without a sign, for the numbers that int8 has with these parameters."""
        zero_point = qparams.zero_point + _SIGN
        return self._add(name, shape, "uint8", 0, self._parameters([qparams.scale], [zero_point]))

    def constant(
        self, name: str, values: NDArray[np.generic], scales: Sequence[float] | None = None, axis: int = 0
    ) -> int:
        """A constant as it is stored; with scales, one or one per index of the axis, its zero point is 0."""
        zero_points = None if scales is None else [0] * len(scales)
        return self._constant(name, values, self._parameters(scales, zero_points, axis))

    def numbers(self, name: str, values: NDArray[np.float32], qparams: QuantParams | None) -> int:
        """A constant of these numbers: quantized, or in float32 without quantization parameters."""
        if qparams is None:
            return self.constant(name, values)
        integers = qparams.integers(values).astype(f"int{qparams.bits}")
        index = self._constant(name, integers, self._parameters([qparams.scale], [qparams.zero_point]))
        self._qparams[index] = qparams
        return index

    def operator(
        self, code: int, inputs: Sequence[int], outputs: Sequence[int], options: object, options_type: int
    ) -> None:
        """An operator with the options table of its kind."""
        operator = schema.OperatorT()
        if code not in self._codes:
            self._codes.append(code)
        operator.opcodeIndex = self._codes.index(code)
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        operator.builtinOptions, operator.builtinOptionsType = options, options_type
        self._operators.append(operator)

    def name_of(self, tensor: int) -> str:
        """The tensor's name, which no other tensor has."""
        name: str = self._tensors[tensor].name
        return name

    def qparams_of(self, tensor: int) -> QuantParams | None:
        """The quantization parameters of a tensor of numbers; None in float."""
        return self._qparams.get(tensor)

    def stored_as(self, tensor: int) -> tuple[float, int] | None:
        """Scale and zero point of a tensor of integers, as the file holds them."""
        parameters = self._tensors[tensor].quantization
        return None if parameters is None else parameters.first

    def shape_of(self, tensor: int) -> tuple[int, ...]:
        """The tensor's shape in the file."""
        return tuple(self._tensors[tensor].shape)

    def is_constant(self, tensor: int) -> bool:
        """Whether the tensor is stored in the file."""
        return bool(self._tensors[tensor].buffer)

    def attach(self, name: str, content: bytes) -> None:
        """Puts a buffer into the file that is no tensor: metadata by its name."""
        self._metadata.append(attached(name, self._buffer(content)))

    def content(self, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> bytes:
        """The file's bytes; its signature has these names for its inputs and outputs."""
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self._tensors, self._operators
        graph.inputs, graph.outputs, graph.name = list(inputs.values()), list(outputs.values()), "main"
        model = schema.ModelT()
        model.signatureDefs = [signature(inputs, outputs)]
        model.metadata = self._metadata or None
        model.version, model.description = _VERSION, "micronet-edge"
        model.subgraphs, model.buffers = [graph], self._buffers
        model.operatorCodes = [_operator_code(code) for code in self._codes]
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
        return bytes(builder.Output())

    def _parameters(
        self, scales: Sequence[float] | None, zero_points: Sequence[int] | None, axis: int = 0
    ) -> _Parameters | None:
        if scales is None or zero_points is None:
            return None
        return _Parameters(scales, zero_points, axis, self._zero_points)

    def _constant(self, name: str, values: NDArray[np.generic], parameters: _Parameters | None) -> int:
        return self._add(name, values.shape, str(values.dtype), self._buffer(values.tobytes()), parameters)

    def _buffer(self, content: bytes) -> int:
        """The index of the buffer with these bytes: equal constants share one."""
        if content not in self._places:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(content, np.uint8)
            self._places[content] = len(self._buffers)
            self._buffers.append(buffer)
        return self._places[content]

    def _add(
        self,
        name: str,
        shape: Sequence[int],
        kind: str,
        buffer: int,
        parameters: _Parameters | None,
    ) -> int:
        # Some readers find a constant by its name, and would read the wrong one of two with the same name.
        self._names[name] += 1
        again = f"#{self._names[name]}" if self._names[name] > 1 else ""
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name + again, list(shape), _TYPES[kind]
        tensor.buffer, tensor.quantization = buffer, parameters
        tensor.hasRank = True
        self._tensors.append(tensor)
        return len(self._tensors) - 1


def attached(name: str, buffer: int) -> schema.MetadataT:
    """What lets readers find a buffer that is no tensor."""
    result = schema.MetadataT()
    result.name, result.buffer = name, buffer
    return result


def signature(inputs: Mapping[str, int], outputs: Mapping[str, int]) -> schema.SignatureDefT:
    """The names by which callers find the inputs and outputs of the first subgraph."""
    result = schema.SignatureDefT()
    result.signatureKey, result.subgraphIndex = SIGNATURE, 0
    result.inputs, result.outputs = _tensor_maps(inputs), _tensor_maps(outputs)
    return result


def _tensor_maps(tensors: Mapping[str, int]) -> list[schema.TensorMapT]:
    maps = []
    for name, index in tensors.items():
        maps.append(schema.TensorMapT())
        maps[-1].name, maps[-1].tensorIndex = name, index
    return maps


def _operator_code(code: int) -> schema.OperatorCodeT:
    result = schema.OperatorCodeT()
    # Old readers know only this field, which is a byte.
    result.deprecatedBuiltinCode = min(code, 127)
    result.builtinCode = code
    result.version = _VERSIONS.get(code, 1)
    return result
