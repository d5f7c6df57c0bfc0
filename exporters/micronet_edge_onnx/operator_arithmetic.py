"""What each ONNX operator computes, as counting wants to know it."""

from collections.abc import Callable, Sequence
from math import prod

import onnx

from micronet_edge.counting import arithmetic
from micronet_edge.counting.arithmetic import BOUND, HARD_SIGMOID, HARD_SWISH, MOVEMENT, SCALE_AND_SHIFT
from micronet_edge.counting.graph import Arithmetic, Tensor

_MOVEMENT = frozenset(
    {
        *("Concat", "Expand", "Flatten", "Gather", "Identity", "Pad", "Reshape", "Shape", "Slice"),
        *("Split", "Squeeze", "Tile", "Transpose", "Unsqueeze", "Dropout", "Constant", "ConstantOfShape"),
    }
)
_ELEMENTWISE = {
    **dict.fromkeys(("Add", "Sub", "Div", "Neg", "Abs", "Relu"), BOUND),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear", "Cast"), 1),
    "HardSigmoid": HARD_SIGMOID,
    "HardSwish": HARD_SWISH,
    "BatchNormalization": SCALE_AND_SHIFT,
}
_DATA = {
    **dict.fromkeys(("Clip", "QuantizeLinear", "DequantizeLinear"), (0,)),
    **dict.fromkeys(("ReduceMax", "ReduceMin", "ReduceSum", "ReduceMean"), (0,)),
    "BatchNormalization": (0, 1, 2),
    **dict.fromkeys(("ConvInteger", "MatMulInteger"), (0, 1)),
    "QLinearConv": (0, 3, 8),
    "QLinearMatMul": (0, 3),
}
"""Which inputs are numbers of the network, where not all are."""


def arithmetic_of(
    node: onnx.NodeProto, inputs: Sequence[Tensor], outputs: Sequence[Tensor]
) -> Arithmetic | None:
    """What the operator computes; None where that is not known here, or a shape is not."""
    if node.domain:
        return None
    if node.op_type in _MOVEMENT:
        return MOVEMENT
    if any(tensor.shape is None for tensor in (*inputs, *outputs) if tensor.name):
        return None
    if node.op_type in _ELEMENTWISE:
        return arithmetic.elementwise(outputs[0], _ELEMENTWISE[node.op_type])
    formula = _FORMULAS.get(node.op_type)
    return None if formula is None else formula(node, inputs, outputs[0])


def data_inputs(node: onnx.NodeProto, found: Arithmetic | None, inputs: Sequence[Tensor]) -> set[int]:
    """The places of the inputs that are numbers of the network: no shapes, bounds, scales or indices.

    A constant that is only moved is none of its weights.
    """
    if found == MOVEMENT and node.op_type in _MOVEMENT:
        return {place for place, tensor in enumerate(inputs) if tensor.stored is None}
    return set(_DATA.get(node.op_type, range(len(inputs))))


def _convolution(node: onnx.NodeProto, inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    return arithmetic.convolution(result, inputs[_DATA.get(node.op_type, (0, 1))[1]])


def _matrix_product(node: onnx.NodeProto, inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    transposed = node.op_type == "Gemm" and _attribute(node, "transA") == [1]
    return arithmetic.matrix_product(result, (inputs[0].shape or (1,))[0 if transposed else -1])


def _clip(_node: onnx.NodeProto, inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    """Bounds are inputs, any of which may be left out."""
    return arithmetic.elementwise(result, sum(bool(tensor.name) for tensor in inputs[1:]))


def _many(_node: onnx.NodeProto, inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    return arithmetic.elementwise(result, len(inputs) - 1)


def _multiplication(_node: onnx.NodeProto, _inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    return arithmetic.multiplication(result)


def _mean(_node: onnx.NodeProto, inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    return arithmetic.mean(inputs[0], result)


def _reduction(_node: onnx.NodeProto, inputs: Sequence[Tensor], _result: Tensor) -> Arithmetic:
    return arithmetic.reduction(inputs[0])


def _pool(node: onnx.NodeProto, _inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    return arithmetic.elementwise(result, prod(_attribute(node, "kernel_shape")))


_FORMULAS: dict[str, Callable[[onnx.NodeProto, Sequence[Tensor], Tensor], Arithmetic]] = {
    **dict.fromkeys(("Conv", "ConvInteger", "QLinearConv"), _convolution),
    **dict.fromkeys(("Gemm", "MatMul", "MatMulInteger", "QLinearMatMul"), _matrix_product),
    "Clip": _clip,
    **dict.fromkeys(("Max", "Min", "Sum"), _many),
    "Mul": _multiplication,
    **dict.fromkeys(("GlobalAveragePool", "ReduceMean"), _mean),
    **dict.fromkeys(("ReduceMax", "ReduceMin", "ReduceSum", "GlobalMaxPool"), _reduction),
    **dict.fromkeys(("AveragePool", "MaxPool"), _pool),
}


def _attribute(node: onnx.NodeProto, name: str) -> list[int]:
    for attribute in node.attribute:
        if attribute.name == name:
            return list(attribute.ints) or [attribute.i]
    return []
