"""Writes single TFLite operators, each with the options that its kind wants."""

from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from micronet_edge_tflite.writer.model_writer import ModelWriter

_OPERATOR = schema.BuiltinOperator
_OPTIONS = schema.BuiltinOptions
MOST_CONCATENATED = 5
"""Tensors that XNNPACK puts one behind another in one operator; with more its graph would be cut."""

NO_ACTIVATION = int(schema.ActivationFunctionType.NONE)
_ACTIVATIONS = {
    int(schema.ActivationFunctionType.RELU): _OPERATOR.RELU,
    int(schema.ActivationFunctionType.RELU6): _OPERATOR.RELU6,
}


class OperatorWriter(ModelWriter):
    """A model writer that knows operators by name. Tensors are indices; the last one is the result."""

    def add(self, x: int, y: int, result: int, activation: int = NO_ACTIVATION) -> None:
        options = schema.AddOptionsT()
        options.potScaleInt16, options.fusedActivationFunction = False, activation
        self.operator(_OPERATOR.ADD, [x, y], [result], options, _OPTIONS.AddOptions)

    def multiply(self, x: int, y: int, result: int, activation: int = NO_ACTIVATION) -> None:
        options = schema.MulOptionsT()
        options.fusedActivationFunction = activation
        self.operator(_OPERATOR.MUL, [x, y], [result], options, _OPTIONS.MulOptions)

    def hard_swish(self, x: int, result: int) -> None:
        options, kind = schema.HardSwishOptionsT(), _OPTIONS.HardSwishOptions
        self.operator(_OPERATOR.HARD_SWISH, [x], [result], options, kind)

    def relu(self, x: int, result: int, activation: int) -> None:
        """An activation as an operator of its own."""
        self.operator(_ACTIVATIONS[activation], [x], [result], None, _OPTIONS.NONE)

    def maximum(self, x: int, y: int, result: int) -> None:
        options, kind = schema.MaximumMinimumOptionsT(), _OPTIONS.MaximumMinimumOptions
        self.operator(_OPERATOR.MAXIMUM, [x, y], [result], options, kind)

    def minimum(self, x: int, y: int, result: int) -> None:
        options, kind = schema.MaximumMinimumOptionsT(), _OPTIONS.MaximumMinimumOptions
        self.operator(_OPERATOR.MINIMUM, [x, y], [result], options, kind)

    def mean(self, x: int, axes: Sequence[int], result: int) -> None:
        """The mean over the axes, which stay as sides of 1."""
        options = schema.ReducerOptionsT()
        options.keepDims = True
        inputs = [x, self._sizes(result, "axes", axes)]
        self.operator(_OPERATOR.MEAN, inputs, [result], options, _OPTIONS.ReducerOptions)

    def slice(self, x: int, begin: Sequence[int], size: Sequence[int], result: int) -> None:
        inputs = [x, self._sizes(result, "begin", begin), self._sizes(result, "size", size)]
        self.operator(_OPERATOR.SLICE, inputs, [result], schema.SliceOptionsT(), _OPTIONS.SliceOptions)

    def concatenate(self, parts: Sequence[int], axis: int, result: int) -> None:
        options = schema.ConcatenationOptionsT()
        options.axis = axis
        self.operator(_OPERATOR.CONCATENATION, parts, [result], options, _OPTIONS.ConcatenationOptions)

    def pad(self, x: int, sides: Sequence[tuple[int, int]], result: int) -> None:
        """Zeros before and behind, for each axis."""
        inputs = [x, self._sizes(result, "sides", sides)]
        self.operator(_OPERATOR.PAD, inputs, [result], schema.PadOptionsT(), _OPTIONS.PadOptions)

    def reshape(self, x: int, shape: Sequence[int], result: int) -> None:
        options = schema.ReshapeOptionsT()
        options.newShape = list(shape)
        inputs = [x, self._sizes(result, "shape", shape)]
        self.operator(_OPERATOR.RESHAPE, inputs, [result], options, _OPTIONS.ReshapeOptions)

    def matrix_product(self, rows: int, transposed: int, result: int) -> None:
        """Rows [n, 1, p, c] times the transpose of [n, 1, d, c]."""
        options = schema.BatchMatMulOptionsT()
        options.adjY = True
        inputs, kind = [rows, transposed], _OPTIONS.BatchMatMulOptions
        self.operator(_OPERATOR.BATCH_MATMUL, inputs, [result], options, kind)

    def quantize(self, x: int, result: int) -> None:
        self.operator(_OPERATOR.QUANTIZE, [x], [result], schema.QuantizeOptionsT(), _OPTIONS.QuantizeOptions)

    def dequantize(self, x: int, result: int) -> None:
        options, kind = schema.DequantizeOptionsT(), _OPTIONS.DequantizeOptions
        self.operator(_OPERATOR.DEQUANTIZE, [x], [result], options, kind)

    def halves(self, name: str, values: NDArray[np.float32]) -> int:
        """A constant stored in float16, which must hold it exactly, and turned back at once.

        LiteRT and XNNPACK do so when they open the file.
        """
        stored = self.constant(f"{name}/halves", values.astype(np.float16))
        result = self.tensor(name, values.shape, None)
        self.dequantize(stored, result)
        return result

    def _sizes(self, result: int, role: str, sizes: Sequence[int] | Sequence[tuple[int, int]]) -> int:
        """A constant of lengths or places, named after the result of the operator that reads it."""
        return self.constant(f"{self.name_of(result)}/{role}", np.array(sizes, np.int32))
