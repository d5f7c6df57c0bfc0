"""Counts an ONNX file, from its own graph."""

from dataclasses import replace
from math import prod
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, shape_inference

from micronet_edge.counting.arithmetic import MOVEMENT
from micronet_edge.counting.count import Count, counted
from micronet_edge.counting.graph import Graph, Operator, Tensor
from micronet_edge.counting.layer_names import layer_of_operator
from micronet_edge.errors import MicronetEdgeError, TargetError
from micronet_edge.util.layer_names import fused_layer
from micronet_edge.util.text import listed
from micronet_edge_onnx.counting.find_integer_operators import held_in_integers
from micronet_edge_onnx.metadata import metadata_of
from micronet_edge_onnx.operators import OPERATORS
from micronet_edge_onnx.recognition.fold_activations import DOMAIN
from micronet_edge_onnx.surgery.write_out_functions import without_functions

_HALF_BYTES = {TensorProto.INT4, TensorProto.UINT4, TensorProto.FLOAT4E2M1}
_OWN_DOMAINS = {"", "ai.onnx"}
# ONNX Runtime's conversions to 16 bits have the shapes of ONNX's own to 8 bits.
_WIDE_DOMAIN, _CONVERSIONS = "com.microsoft", {"QuantizeLinear", "DequantizeLinear"}


def count_file(path: Path) -> Count:
    """What one inference of the file costs.

    An open batch counts as one image. The model's own functions count as the operators inside. Raises
    TargetError on a file that is no ONNX model or has other open lengths.
    """
    model, named, activations = _read(path)
    open_batch = _fix_batch(path, model)
    try:
        model = shape_inference.infer_shapes(_known_domains(model), data_prop=True)
        graph = replace(_GraphOf(model, open_batch=open_batch).graph(), named=named, activations=activations)
    except Exception as error:  # what a damaged file raises depends on where the damage is
        reason = " ".join(str(error).split())
        raise TargetError(f"{path}: its graph cannot be read ({reason}): check the file") from error
    return counted(graph)


def _read(path: Path) -> tuple[onnx.ModelProto, bool, frozenset[str]]:
    """The model without functions of its own, whether its names are ours, and which activations are nodes."""
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, OSError, ValueError) as error:
        raise TargetError(
            f"{path} cannot be read as an ONNX model ({error}): copy or export it again"
        ) from error
    if not model.graph.node or not model.opset_import:
        raise TargetError(f"{path} is no ONNX model, or has no operators: check the file")
    activations = frozenset(fused_layer(node.name) for node in model.graph.node if node.domain == DOMAIN)
    try:
        return without_functions(model), _names_are_ours(model), activations
    except Exception as error:  # its errors share no base but Exception
        raise TargetError(f"{path}: its functions cannot be inlined ({error}): check the file") from error


def _names_are_ours(model: onnx.ModelProto) -> bool:
    try:
        return not metadata_of(model, "the model").naive
    except MicronetEdgeError:
        return False


def _fix_batch(path: Path, model: onnx.ModelProto) -> bool:
    """Sets an open batch to one; returns whether it was open.

    Raises TargetError where other lengths are open.
    """
    constants = {each.name for each in model.graph.initializer}
    is_open = False
    for value in model.graph.input:
        if value.name in constants:
            continue
        lengths = value.type.tensor_type.shape.dim
        if not value.type.tensor_type.HasField("shape"):
            raise TargetError(f"{path}: input {value.name} has no shape: export it with one")
        unknown = [place for place, length in enumerate(lengths) if not length.HasField("dim_value")]
        if unknown and unknown != [0]:
            shape = listed([length.dim_value or length.dim_param or "?" for length in lengths])
            raise TargetError(
                f"{path}: input {value.name} has an open shape [{shape}]: export it for a fixed size"
            )
        if unknown:
            is_open, lengths[0].dim_value = True, 1
    if is_open:  # shapes noted for any number of images are inferred again for one
        del model.graph.value_info[:]
        for value in model.graph.output:
            value.type.tensor_type.ClearField("shape")
    return is_open


def _known_domains(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with operators that shape inference knows under another domain brought into ONNX's own."""
    for node in model.graph.node:
        if node.domain in _OWN_DOMAINS or (node.domain == _WIDE_DOMAIN and node.op_type in _CONVERSIONS):
            node.domain = ""
    return model


class _GraphOf:
    """Reads the operators of a model whose shapes are known."""

    def __init__(self, model: onnx.ModelProto, *, open_batch: bool) -> None:
        self._model, self._open_batch = model, open_batch
        graph = model.graph
        self._stored = {each.name: _stored(each) for each in graph.initializer}
        self._values = {each.name: each for each in (*graph.value_info, *graph.input, *graph.output)}
        self._held = held_in_integers(graph)
        for node in graph.node:
            self._add_constants(node)

    def graph(self) -> Graph:
        given = [self._tensor(each.name) for each in self._model.graph.input if each.name not in self._stored]
        operators = tuple(
            self._operator(node) for node in self._model.graph.node if node.op_type != "Constant"
        )
        read = {tensor.name for operator in operators for tensor in operator.reads}
        images = {tensor.shape[0] for tensor in given if tensor.shape}
        return Graph(
            operators,
            tuple(given),
            tuple(self._tensor(each.name) for each in self._model.graph.output),
            unread=tuple(tensor for name, tensor in self._stored.items() if name not in read),
            images=images.pop() if len(images) == 1 else 1,
            notes=("the file takes any number of images: counted for one",) if self._open_batch else (),
        )

    def _operator(self, node: onnx.NodeProto) -> Operator:
        name = (node.name or node.output[0]).removeprefix("/")
        inputs = [self._tensor(each) for each in node.input]
        outputs = tuple(self._tensor(each) for each in node.output if each)
        formula = None if node.domain else OPERATORS.formula(node.op_type)
        arithmetic = None if formula is None else formula.arithmetic(node, inputs, outputs)
        if node.op_type in _CONVERSIONS and not self._held.keys().isdisjoint((node.input[0], node.output[0])):
            arithmetic = MOVEMENT  # a part of the integer operator beside it
        data = range(len(inputs)) if formula is None else formula.data_inputs(inputs)
        return Operator(
            name,
            layer_of_operator(name),
            node.op_type,
            tuple(tensor for place, tensor in enumerate(inputs) if tensor.name and place in data),
            outputs,
            arithmetic,
            tuple(tensor for place, tensor in enumerate(inputs) if tensor.name and place not in data),
        )

    def _tensor(self, name: str) -> Tensor:
        if name in self._stored:
            return self._stored[name]
        shape, size_bytes = self._shape(name), 0
        holder = self._held.get(name, name)
        if shape is not None and holder in self._values:
            size_bytes = _size_bytes(prod(shape), self._values[holder].type.tensor_type.elem_type)
        return Tensor(name, shape, size_bytes, held_in=holder)

    def _shape(self, name: str) -> tuple[int, ...] | None:
        value = self._values.get(name)
        if value is None or not value.type.tensor_type.HasField("shape"):
            return None
        lengths = value.type.tensor_type.shape.dim
        known = all(length.HasField("dim_value") for length in lengths)
        return tuple(length.dim_value for length in lengths) if known else None

    def _add_constants(self, node: onnx.NodeProto) -> None:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.name == "value":
                self._stored[node.output[0]] = _stored(attribute.t, node.output[0])
            else:  # a number or a list of them, written as an attribute
                values = helper.get_attribute_value(attribute)
                length = len(values) if isinstance(values, list) else 1
                name, kind = node.output[0], self._values[node.output[0]].type.tensor_type.elem_type
                self._stored[name] = Tensor(name, (length,), _size_bytes(length, kind), stored=name)


def _stored(tensor: onnx.TensorProto, name: str = "") -> Tensor:
    shape = tuple(tensor.dims)
    name = name or tensor.name
    return Tensor(name, shape, _size_bytes(prod(shape), tensor.data_type), stored=name)


def _size_bytes(elements: int, kind: int) -> int:
    if kind in _HALF_BYTES:
        return (elements + 1) // 2
    return elements * helper.tensor_dtype_to_np_dtype(kind).itemsize if kind else 0
