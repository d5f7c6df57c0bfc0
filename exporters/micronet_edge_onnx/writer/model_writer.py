"""Writes an ONNX model operator by operator; integers stand between QuantizeLinear and DequantizeLinear."""

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from micronet_edge.errors import TargetError
from micronet_edge.lowering.ir.channel_order import segments
from micronet_edge.quantization.qparams import (
    BYTE,
    Floats,
    Integers,
    QuantParams,
    are_halves_enough,
    weight_integers,
    weight_scales,
)
from micronet_edge_onnx.format import CLASSIFIER, TensorNames
from micronet_edge_onnx.writer.opset import file_version, opsets_of

# An activation of 8 bits is stored unsigned: ONNX Runtime multiplies uint8 by int8 faster than int8 by int8.
_UNSIGNED_OFFSET = 128
# The opset knows conversions to 8 bits only, ONNX Runtime's own ones to 16 bits as well.
_WIDE_DOMAIN = "com.microsoft"

Attribute = int | float | str | Sequence[int]
Shape = Sequence[int | str]


class ModelWriter:
    """Collects the operators and constants of one graph.

    Without `gathers` it picks channels by Slice. `names` are those of the graph's inputs and outputs, which
    no other tensor has.
    """

    def __init__(self, names: TensorNames = CLASSIFIER, *, gathers: bool = True) -> None:
        self.names, self.gathers = names, gathers
        self._taken = {*names.inputs, *names.outputs}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._shared: dict[object, str] = {}

    def operator(
        self, kind: str, name: str, inputs: Sequence[str], *, domain: str = "", **attributes: Attribute
    ) -> str:
        """Adds an operator with one result, which has the operator's name unless that is taken."""
        result = self._free(name)
        node = helper.make_node(kind, inputs, [result], name, domain=domain)
        node.attribute.extend(helper.make_attribute(*attribute) for attribute in attributes.items())
        self._nodes.append(node)
        return result

    def split(self, name: str, x: str, sizes: Sequence[int]) -> list[str]:
        """The tensor in parts along its channels."""
        parts = [f"{name}/{part}" for part in range(len(sizes))]
        if len(parts) == 1:
            return [x]
        node = helper.make_node("Split", [x, self.indices(f"{name}/sizes", sizes)], parts, name, axis=1)
        self._nodes.append(node)
        return parts

    def slice(self, name: str, x: str, start: int, stop: int, axis: int = 1) -> str:
        """What lies from start to stop on an axis."""
        return self.strided(name, x, range(start, stop), axis)

    def strided(self, name: str, x: str, places: range, axis: int) -> str:
        """These places of an axis."""
        ends = {"start": places.start, "stop": places.stop, "axis": axis}
        if places.step != 1:
            ends["step"] = places.step
        inputs = [self.indices(f"{name}/{end}", [place]) for end, place in ends.items()]
        return self.operator("Slice", name, [x, *inputs])

    def picked(self, name: str, x: str, places: NDArray[np.integer], axis: int = 1) -> str:
        """These channels of a map, in this order, or these places of another axis."""
        if self.gathers:
            return self.operator("Gather", name, [x, self.indices(f"{name}/index", places)], axis=axis)
        return self.joined(name, x, segments(np.asarray(places, np.int64)), axis)

    def joined(self, name: str, x: str, pieces: Sequence[tuple[int, int]], axis: int = 1) -> str:
        """These pieces of a map's channels, in this order, or of another axis."""
        if len(pieces) == 1:
            return self.slice(name, x, *pieces[0], axis=axis)
        slices = [self.slice(f"{name}/piece{place}", x, *ends, axis) for place, ends in enumerate(pieces)]
        return self.operator("Concat", name, slices, axis=axis)

    def constant(self, name: str, values: NDArray[np.generic]) -> str:
        """Stores numbers under a name; one that is stored already is replaced."""
        name = self._free(name)
        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def shared(self, name: str, values: NDArray[np.generic]) -> str:
        """A constant that several layers have: equal ones are stored once, under the first name."""
        key = values.dtype.str, values.shape, values.tobytes()
        return self.constant(self._shared.setdefault(key, name), values)

    def scalar(self, name: str, value: float) -> str:
        """A number of rank 0, as ONNX specifies the bounds of a Clip."""
        self._constants[name] = numpy_helper.from_array(np.array(value, np.float32), name)
        return name

    def row_of_one(self, name: str, value: float) -> str:
        """A number of rank 1, as integer files hold it."""
        return self.constant(name, np.array([value], np.float32))

    def weight(self, name: str, values: Floats, *, transposed: bool = False) -> str:
        """Weights [n, ...] of a float operator, in float16 where that keeps 10 bits of each channel's.

        ONNX Runtime converts them once, when it opens the file. `transposed` writes [..., n].
        """
        stored = values.T if transposed else values
        return self.halves(name, stored) if are_halves_enough(values) else self.constant(name, stored)

    def halves(self, name: str, values: Floats) -> str:
        """Numbers stored in float16."""
        stored = self.constant(f"{name}/halves", values.astype(np.float16))
        return self.operator("Cast", name, [stored], to=TensorProto.FLOAT)

    def integer_weight(self, name: str, values: Floats, *, transposed: bool = False) -> str:
        """Weights [n, ...] of a float operator, stored in int8 with a scale for each channel.

        By Cast and Mul, which ONNX Runtime computes once; it would run DequantizeLinear for each image.
        """
        scales = weight_scales(values)
        integers, by_channel = weight_integers(values, scales), scales.reshape(-1, *[1] * (values.ndim - 1))
        if transposed:
            integers, by_channel = integers.T, by_channel.T
        stored = self.constant(f"{name}/integers", integers)
        steps = self.operator("Cast", f"{name}/steps", [stored], to=TensorProto.FLOAT)
        return self.operator("Mul", name, [steps, self.constant(f"{name}/scales", by_channel)])

    def indices(self, name: str, values: Sequence[int] | NDArray[np.integer]) -> str:
        """Positions, sizes or a shape."""
        return self.constant(name, np.asarray(values, np.int64))

    def reshaped(self, name: str, x: str, *shape: int) -> str:
        """The same numbers in another shape; 0 keeps a side as long as it is, -1 takes the rest."""
        target = self.indices(f"shape/{'x'.join(map(str, shape))}", shape)
        return self.operator("Reshape", name, [x, target])

    def quantized(self, name: str, x: str, qparams: QuantParams) -> str:
        """The float tensor, quantized and dequantized."""
        domain = "" if qparams.bits == BYTE else _WIDE_DOMAIN
        integers = self.operator(
            "QuantizeLinear", f"{name}/integers", [x, *self._qparams(qparams)], domain=domain
        )
        return self._dequantized(f"{name}/rounded", integers, qparams)

    def quantized_constant(self, name: str, values: Floats, qparams: QuantParams) -> str:
        """The constant, kept in integers and dequantized."""
        integers = self.constant(f"{name}/integers", _stored(qparams.integers(values), qparams))
        return self._dequantized(name, integers, qparams)

    def constant_by_channel(self, name: str, integers: NDArray[np.signedinteger], scales: Floats) -> str:
        """A constant kept in integers: for each place on its first axis a scale, and zero points of 0."""
        inputs = [
            self.constant(f"{name}/integers", integers),
            self.constant(f"{name}/scales", scales),
            self.constant(f"{name}/zero_points", np.zeros(len(scales), integers.dtype)),
        ]
        return self.operator("DequantizeLinear", name, inputs, axis=0)

    def model(
        self,
        results: Sequence[str],
        inputs: Sequence[Shape],
        outputs: Sequence[Shape],
        *,
        takes_bytes: bool = False,
    ) -> onnx.ModelProto:
        """The model that gives these tensors; `inputs` and `outputs` are their shapes.

        It takes and gives float32, or takes uint8 if it `takes_bytes`.

        Raises TargetError where it is not valid.
        """
        self._give(results)
        graph = helper.make_graph(
            self._nodes,
            "micronet-edge",
            _values(self.names.inputs, inputs, TensorProto.UINT8 if takes_bytes else TensorProto.FLOAT),
            _values(self.names.outputs, outputs, TensorProto.FLOAT),
            list(self._constants.values()),
        )
        opsets = opsets_of(self._nodes)
        model = helper.make_model(
            graph, opset_imports=opsets, ir_version=file_version(opsets), producer_name="micronet-edge"
        )
        try:
            onnx.checker.check_model(model, full_check=True)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            raise TargetError(f"the ONNX model is not valid: {error}; please report this") from error
        return model

    def _free(self, name: str) -> str:
        """The name, or one like it where an input or an output has it."""
        return f"{name}/inner" if name in self._taken else name

    def _give(self, results: Sequence[str]) -> None:
        """Names the outputs; an input, a constant and what is another output already by way of a copy."""
        computed, given = {name for node in self._nodes for name in node.output}, dict[str, str]()
        for result, name in zip(results, self.names.outputs, strict=True):
            if result in computed and result not in given:
                self._rename(result, name)
                given[result] = name
            else:
                self.operator("Identity", name, [given.get(result, result)])
                self._rename(self._free(name), name)

    def _rename(self, result: str, name: str) -> None:
        """Gives another name to a tensor."""
        for node in self._nodes:
            for tensors in (node.input, node.output):
                tensors[:] = [name if tensor == result else tensor for tensor in tensors]

    def _dequantized(self, name: str, integers: str, qparams: QuantParams) -> str:
        domain = "" if qparams.bits == BYTE else _WIDE_DOMAIN
        return self.operator("DequantizeLinear", name, [integers, *self._qparams(qparams)], domain=domain)

    def _qparams(self, qparams: QuantParams) -> list[str]:
        zero_point = _stored(np.array(qparams.zero_point, np.int32), qparams)
        scale = np.array(qparams.scale, np.float32)
        names = f"scale/{scale}", f"zero_point/{zero_point.dtype}/{zero_point}"
        return [self.constant(names[0], scale), self.constant(names[1], zero_point)]


def _stored(integers: Integers, qparams: QuantParams) -> NDArray[np.integer]:
    if qparams.bits == BYTE:
        return (integers + _UNSIGNED_OFFSET).astype(np.uint8)
    return integers.astype(np.int16)


def _values(names: Sequence[str], shapes: Sequence[Shape], kind: int) -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info(name, kind, shape) for name, shape in zip(names, shapes, strict=True)
    ]
