"""What each TFLite operator computes, as counting wants to know it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.counting import arithmetic
from micronet_edge.counting.arithmetic import BOUND, CLIP, HARD_SWISH, MOVEMENT
from micronet_edge.counting.graph import Arithmetic, Tensor

_MOVEMENT = frozenset(
    {
        *("BROADCAST_TO", "CONCATENATION", "EXPAND_DIMS", "GATHER", "PACK", "PAD", "PADV2", "RESHAPE"),
        *("SHAPE", "SLICE", "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TILE", "TRANSPOSE", "UNPACK"),
    }
)
_ELEMENTWISE = {
    **dict.fromkeys(("ADD", "SUB", "DIV", "MAXIMUM", "MINIMUM", "NEG", "ABS", "RELU"), BOUND),
    **dict.fromkeys(("QUANTIZE", "DEQUANTIZE", "CAST"), 1),
    **dict.fromkeys(("RELU6", "RELU_0_TO_1", "RELU_N1_TO_1"), CLIP),
    "HARD_SWISH": HARD_SWISH,
}
_REDUCTIONS = frozenset({"MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"})
_FUSED = {
    schema.ActivationFunctionType.NONE: 0,
    schema.ActivationFunctionType.RELU: BOUND,
    schema.ActivationFunctionType.RELU_N1_TO_1: CLIP,
    schema.ActivationFunctionType.RELU6: CLIP,
}


def arithmetic_of(
    kind: str, options: object, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> Arithmetic | None:
    """What the operator computes, with the activation in its options; None where it is not known here."""
    if kind in _MOVEMENT:
        return MOVEMENT
    fused = _FUSED.get(getattr(options, "fusedActivationFunction", schema.ActivationFunctionType.NONE))
    if fused is None or not outputs:
        return None
    if kind in _ELEMENTWISE:
        return arithmetic.elementwise(outputs[0], _ELEMENTWISE[kind] + fused)
    formula = _FORMULAS.get(kind)
    if formula is None:
        return None
    present = [tensor for tensor in inputs if tensor is not None]
    found = formula(options, present, outputs[0])
    return replace(found, other=found.other + fused * outputs[0].elements)


def data_inputs(kind: str, found: Arithmetic | None, inputs: Sequence[Tensor | None]) -> set[int]:
    """The places of the inputs that are numbers of the network: no shapes, axes or indices.

    A constant that is only moved is none of its weights.
    """
    if found == MOVEMENT and kind in _MOVEMENT:
        return {place for place, tensor in enumerate(inputs) if tensor is not None and tensor.stored is None}
    return {0} if kind in _REDUCTIONS else set(range(len(inputs)))


def _convolution(_options: object, inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    return arithmetic.convolution(result, inputs[1], channel_axis=0)


def _depthwise(_options: object, inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    return arithmetic.convolution(result, inputs[1], channel_axis=3)


def _fully_connected(_options: object, inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    return arithmetic.matrix_product(result, _side(inputs[1], -1))


def _matrix_product(options: object, inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    return arithmetic.matrix_product(result, _side(inputs[0], -2 if getattr(options, "adjX", False) else -1))


def _multiplication(_options: object, _inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    return arithmetic.multiplication(result)


def _mean(_options: object, inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    return arithmetic.mean(inputs[0], result)


def _reduction(_options: object, inputs: Sequence[Tensor], _result: Tensor) -> Arithmetic:
    return arithmetic.reduction(inputs[0])


def _pool(options: object, _inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    window: int = getattr(options, "filterHeight", 1) * getattr(options, "filterWidth", 1)
    return arithmetic.elementwise(result, window)


_FORMULAS: dict[str, Callable[[object, Sequence[Tensor], Tensor], Arithmetic]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _fully_connected,
    "BATCH_MATMUL": _matrix_product,
    "MUL": _multiplication,
    "MEAN": _mean,
    **dict.fromkeys(("SUM", "REDUCE_MAX", "REDUCE_MIN"), _reduction),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D"), _pool),
}


def _side(tensor: Tensor, axis: int) -> int:
    return tensor.shape[axis] if tensor.shape else 1
