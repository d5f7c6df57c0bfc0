"""The library's plain functions from Python, and what they must give, in plain Python."""

import ctypes
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

OK, UNSOUND, NO_SUCH_INSTRUCTIONS = 0, 1, 2


@dataclass(frozen=True)
class Shape:
    """Sides of one call: x [inputs, pixels] or with `rows` [pixels, inputs]; `sources` [shifts, outputs]."""

    shifts: int
    fusions: int
    inputs: int
    outputs: int
    pixels: int
    rows: bool
    sources: np.ndarray

    def laid_out(self, x):
        """Planes [channels, pixels] as the call wants them."""
        return np.ascontiguousarray(x.T if self.rows else x)

    def planes(self, y):
        return y.reshape(self.pixels, self.outputs).T if self.rows else y.reshape(self.outputs, self.pixels)


class Library:
    """The functions of one built library."""

    def __init__(self, path):
        self._functions = ctypes.CDLL(str(path))
        self._functions.micronet_edge_instructions.restype = ctypes.c_char_p

    def instructions(self):
        """What this machine's processor can run: plain C++, and the best that it has."""
        return sorted({"plain", self._functions.micronet_edge_instructions().decode()})

    def shift_max(self, instructions, shape, a, x, low=-np.inf, high=np.inf):
        """Status and y of float planes."""
        y = np.full(shape.outputs * shape.pixels, np.nan, np.float32)
        given = shape.laid_out(x.astype(np.float32))
        status = self._functions.micronet_edge_shift_max_float(
            *self._sides(instructions, shape),
            _pointer(np.ascontiguousarray(a, np.float32)),
            _pointer(given),
            _pointer(y),
            ctypes.c_int64(shape.pixels),
            ctypes.c_float(low),
            ctypes.c_float(high),
        )
        return status, shape.planes(y)

    def shift_max_int8(self, instructions, shape, tensor_qparams, a, x):
        """Status and y of int8 planes."""
        y = np.zeros(shape.outputs * shape.pixels, np.int8)
        status = self._functions.micronet_edge_shift_max_int8(
            *self._sides(instructions, shape),
            _pointer(np.ascontiguousarray(a, np.int16)),
            _pointer(shape.laid_out(x.astype(np.int8))),
            _pointer(y),
            ctypes.c_int64(shape.pixels),
            ctypes.c_int32(tensor_qparams.x_zero),
            ctypes.c_int32(tensor_qparams.y_zero),
            ctypes.c_float(tensor_qparams.multiplier),
            ctypes.c_int32(tensor_qparams.lowest),
            ctypes.c_int32(tensor_qparams.highest),
        )
        return status, shape.planes(y)

    def sums(self, instructions, shape, x):
        """Status and the sums of planes over their pixels."""
        kind, numbers = ("int8", np.int32) if x.dtype == np.int8 else ("float", np.float32)
        sums = np.zeros(shape.inputs, numbers)
        function = getattr(self._functions, f"micronet_edge_sum_{kind}")
        sides = ctypes.c_int64(shape.inputs), ctypes.c_int64(shape.pixels)
        given = shape.laid_out(x)
        status = function(instructions.encode(), int(shape.rows), _pointer(given), _pointer(sums), *sides)
        return status, sums

    @staticmethod
    def _sides(instructions, shape):
        return (
            None if instructions is None else instructions.encode(),
            ctypes.c_int32(shape.rows),
            ctypes.c_int32(shape.shifts),
            ctypes.c_int32(shape.fusions),
            ctypes.c_int64(shape.inputs),
            ctypes.c_int64(shape.outputs),
            _pointer(np.ascontiguousarray(shape.sources, np.int32)),
        )


@dataclass(frozen=True)
class TensorQuantParams:
    """Zeros, the multiplier from a sum to steps of y, and what y is cut off at."""

    x_zero: int
    y_zero: int
    multiplier: float
    lowest: int = -128
    highest: int = 127


def expected(shape, a, x, low=-np.inf, high=np.inf):
    """y [outputs, pixels] of planes, in float64."""
    a, x = a.astype(np.float64), x.astype(np.float64)
    sums = (a[..., None] * x[shape.sources]).sum(1)
    return np.clip(sums.max(0), low, high)


def expected_int8(shape, tensor_qparams, a, x):
    """y [outputs, pixels] of planes, in whole numbers and fractions alone."""
    a, x = a.astype(int).tolist(), x.astype(int).tolist()
    multiplier, sources = np.float32(tensor_qparams.multiplier), shape.sources.tolist()
    y = np.zeros((shape.outputs, shape.pixels), np.int8)
    for o in range(shape.outputs):
        for p in range(shape.pixels):
            sums = [
                sum(a[k][j][o] * (x[sources[j][o]][p] - tensor_qparams.x_zero) for j in range(shape.shifts))
                for k in range(shape.fusions)
            ]
            # The product is rounded to 24 bits, as every processor's multiplication is.
            product = np.float32(float(Fraction(max(sums)) * Fraction(float(multiplier))))
            y[o, p] = min(
                max(round(Fraction(float(product))) + tensor_qparams.y_zero, tensor_qparams.lowest),
                tensor_qparams.highest,
            )
    return y


def _pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)
