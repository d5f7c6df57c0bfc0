"""Estimates the instructions of a TFLite int8 file in TensorFlow Lite Micro with CMSIS-NN on a Cortex-M4.

Each operator costs by its shapes. Most figures are fitted, within 5 %, to loops with the structure of the
kernels of CMSIS-NN and TensorFlow Lite Micro: written anew, compiled by gcc 12.2 -O3, counted under
qemu-system-arm (mps2-an386, -icount shift=0). Two come from a build of TensorFlow Lite Micro instead: MEAN
from its share of whole files, 17 to 21 %, and the products and sums of a Dynamic Shift-Max of two fusions
from their 402 instructions per element. They are instructions of an emulator, not cycles.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

Shape = tuple[int, ...]

_NAMES = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}

_MEAN, _AVERAGE, _SLICE, _GATHER, _COPY, _PAD = 139.0, 6.5, 14.2, 32.0, 0.55, 8.0
_MAXIMUM, _CONVERT, _RUN = 8.0, 30.0, 24.0
_AS_BUILT = 402 / 506
"""What the built kernels take of the instructions that our loops of products and sums take."""

_PRODUCT, _BROADCAST_PRODUCT, _SUM, _BROADCAST_SUM = (each * _AS_BUILT for each in (34.0, 84.0, 81.0, 140.0))


@dataclass(frozen=True, slots=True)
class PlacedOperator:
    """An operator with the shapes of what it reads and gives, and the name of its result."""

    kind: str
    name: str
    inputs: tuple[Shape, ...]
    result: Shape
    axis: int = 0


class UnknownOperatorError(Exception):
    """An operator whose cost is not known."""


def instructions(path: Path) -> Counter[str]:
    """The estimated instructions of one inference, by kind of operator.

    Raises:
        UnknownOperatorError: The file has an operator that no file of ours for int8 has.
    """
    total: Counter[str] = Counter()
    for operator in operators(path):
        total[operator.kind] += round(cost(operator))
    return total


def cost(operator: PlacedOperator) -> float:
    """The estimated instructions of the operator."""
    formula = _FORMULAS.get(operator.kind)
    if formula is None:
        raise UnknownOperatorError(f"{operator.name}: no figures for {operator.kind}")
    return formula(operator)


def operators(path: Path) -> Iterator[PlacedOperator]:
    """The file's operators, in order."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes()))
    graph = model.subgraphs[0]

    def shapes(places: Sequence[int]) -> tuple[Shape, ...]:
        given = (graph.tensors[place].shape for place in places if place >= 0)
        return tuple(() if shape is None else tuple(map(int, shape)) for shape in given)

    for each in graph.operators:
        code = model.operatorCodes[each.opcodeIndex]
        kind = _NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
        name, axis = graph.tensors[each.outputs[0]].name.decode(), getattr(each.builtinOptions, "axis", 0)
        yield PlacedOperator(kind, name, shapes(each.inputs), shapes(each.outputs)[0], axis)


def _convolution(operator: PlacedOperator) -> float:
    """arm_convolve_1x1_s8_fast, or arm_convolve_s8 with or without groups."""
    (*_, channels), (outputs, height, width, own) = operator.inputs[:2]
    taps, pixels, groups = height * width, prod(operator.result[1:3]), channels // own
    summed = taps * own
    if taps == groups == 1:
        each = 37.9 + 6.96 * (summed // 4) + 3.9 * (summed % 4)
        return pixels * outputs * each + outputs * (27 + 3.14 * summed)
    gathered = pixels * groups * (110 + 34.4 * taps + 3.1 * summed)
    return gathered + pixels * outputs * (42.7 + 6.5 * (summed // 4) + 5 * (summed % 4))


def _depthwise(operator: PlacedOperator) -> float:
    """arm_depthwise_conv_s8_opt; with a multiplier, arm_depthwise_conv_s8, which knows multiples of four."""
    (*_, channels), (_, height, width, outputs) = operator.inputs[:2]
    taps, pixels, multiplier = height * width, prod(operator.result[1:3]), outputs // channels
    if multiplier % 4 == 0:
        return pixels * outputs * (42.2 + 3.7 * taps + 4.2 * height)
    if multiplier > 1:
        return pixels * outputs * (58.2 + 8.9 * taps + 13.4 * height)
    rest = channels % 4
    by_four = (channels - rest) * (42.9 + 7.2 * (taps // 2))
    return pixels * (86.5 + 29.9 * taps + 3.32 * taps * channels + by_four + rest * (60 + 10.2 * taps))


def _matrix_product(operator: PlacedOperator) -> float:
    """arm_fully_connected_s8, arm_batch_matmul_s8."""
    return prod(operator.result) * (38.8 + 1.85 * operator.inputs[0][-1])


def _joined(operator: PlacedOperator) -> float:
    runs = len(operator.inputs) * prod(operator.result[: operator.axis])
    return _RUN * runs + _COPY * prod(operator.result)


def _elementwise(same: float, broadcast: float) -> Callable[[PlacedOperator], float]:
    def formula(operator: PlacedOperator) -> float:
        alike = len({prod(shape) for shape in operator.inputs}) == 1
        return prod(operator.result) * (same if alike else broadcast)

    return formula


def _each_result(figure: float) -> Callable[[PlacedOperator], float]:
    return lambda operator: figure * prod(operator.result)


def _each_input(figure: float) -> Callable[[PlacedOperator], float]:
    return lambda operator: figure * prod(operator.inputs[0])


_FORMULAS: dict[str, Callable[[PlacedOperator], float]] = {
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _matrix_product,
    "BATCH_MATMUL": _matrix_product,
    "CONCATENATION": _joined,
    "MUL": _elementwise(_PRODUCT, _BROADCAST_PRODUCT),
    "ADD": _elementwise(_SUM, _BROADCAST_SUM),
    "MAXIMUM": _each_result(_MAXIMUM),
    "MINIMUM": _each_result(_MAXIMUM),
    "MEAN": _each_input(_MEAN),
    "AVERAGE_POOL_2D": _each_input(_AVERAGE),
    "SLICE": _each_result(_SLICE),
    "GATHER": _each_result(_GATHER),
    "PAD": _each_result(_PAD),
    "RESHAPE": _each_result(_COPY),
    "QUANTIZE": _each_result(_CONVERT),
    "DEQUANTIZE": _each_result(_CONVERT),
}
