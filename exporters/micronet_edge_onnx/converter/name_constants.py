"""Names the constants of an ONNX graph after the operator that reads them and their role there."""

from collections import Counter

import onnx
from onnx import numpy_helper

_ROLES = {
    "Clip": ("", "min", "max"),
    "Conv": ("", "weight", "bias"),
    "Gather": ("", "index"),
    "Gemm": ("", "weight", "bias"),
    "MatMul": ("", "weight"),
    "Reshape": ("", "shape"),
    "Slice": ("", "starts", "ends", "axes", "steps"),
    "Split": ("", "sizes"),
}
_OTHER = "constant"


def name_constants(model: onnx.ModelProto) -> None:
    """Gives every initializer a unique name: features/block1/project/conv/Conv/weight.

    A single number that several operators read, such as the bound of a clip, is named after its value. Any
    other constant with several readers is named after the first.
    """
    graph = model.graph
    readings = Counter(name for node in graph.node for name in node.input)
    roles = {
        name: f"{node.name}/{_role(node, place)}"
        for node in reversed(graph.node)
        for place, name in reversed(list(enumerate(node.input)))
    }
    taken = {name for node in graph.node for name in node.output}
    taken |= {each.name for each in (*graph.input, *graph.output)}
    names: dict[str, str] = {}
    for constant in graph.initializer:
        wanted = roles.get(constant.name, constant.name)
        if readings[constant.name] > 1 and not any(side > 1 for side in constant.dims):
            value = numpy_helper.to_array(constant)
            wanted = f"{_OTHER}/{value.dtype}/{value.item():.9g}"
        name, number = wanted, 1
        while name in taken:
            name, number = f"{wanted}_{number}", number + 1
        taken.add(name)
        names[constant.name] = constant.name = name
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]


def _role(node: onnx.NodeProto, place: int) -> str:
    roles = _ROLES.get(node.op_type, ())
    return (roles[place] if place < len(roles) else "") or _OTHER
