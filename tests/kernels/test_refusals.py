"""Hostile calls get a status, and the host lives on."""

from dataclasses import replace

import numpy as np
import pytest
from kernels.fused_library import NO_SUCH_INSTRUCTIONS, OK, UNSOUND, Shape, TensorQuantParams

SOUND = Shape(2, 2, 8, 8, 16, rows=True, sources=np.stack([np.arange(8), np.roll(np.arange(8), -1)]))
TENSOR_QPARAMS = TensorQuantParams(0, 0, 1e-4)
A = np.ones((2, 2, 8), np.int16)
X = np.ones((8, 16), np.int8)


def test_the_sound_call_is_one(library):
    assert library.shift_max("plain", SOUND, A, X)[0] == OK
    assert library.shift_max_int8("plain", SOUND, TENSOR_QPARAMS, A, X)[0] == OK


@pytest.mark.parametrize(
    "change",
    [
        {"shifts": 0},
        {"shifts": -1},
        {"shifts": 2**31 - 1},
        {"fusions": 0},
        {"fusions": 2**31 - 1},
        {"inputs": 0},
        {"inputs": -8},
        {"inputs": 2**62},
        {"inputs": 7},
        {"sources": SOUND.sources - 1},
        {"sources": SOUND.sources + 2**30},
    ],
    ids=str,
)
def test_unsound_shapes(library, change):
    shape = replace(SOUND, **change)
    given = replace(SOUND, sources=shape.sources)
    arrays = np.ones((2, 2, 8), np.float32), np.ones((given.inputs, given.pixels), np.float32)
    assert library.shift_max("plain", shape, *arrays)[0] == UNSOUND


@pytest.mark.parametrize(
    "change",
    [
        {"x_zero": 128},
        {"y_zero": -129},
        {"multiplier": 0.0},
        {"multiplier": -1.0},
        {"multiplier": np.nan},
        {"multiplier": np.inf},
        {"multiplier": 1e6},
        {"lowest": 1, "highest": 0},
        {"highest": 128},
    ],
    ids=str,
)
def test_unsound_grids(library, change):
    assert library.shift_max_int8("plain", SOUND, replace(TENSOR_QPARAMS, **change), A, X)[0] == UNSOUND


def test_coefficients_whose_sum_could_be_too_large(library):
    assert library.shift_max_int8("plain", SOUND, TENSOR_QPARAMS, np.full_like(A, 32_767), X)[0] == OK
    three = replace(SOUND, shifts=3, sources=np.zeros((3, 8), int))
    large = np.full((2, 3, 8), 32_767, np.int16)
    assert library.shift_max_int8("plain", three, TENSOR_QPARAMS, large, X)[0] == UNSOUND


def test_ends_in_the_wrong_order(library):
    assert library.shift_max("plain", SOUND, A, X, 1, -1)[0] == UNSOUND
    assert library.shift_max("plain", SOUND, A, X, np.nan, 1)[0] == UNSOUND


@pytest.mark.parametrize("name", ["", "avx9", "AVX2"])
def test_unknown_instructions(library, name):
    assert library.shift_max(name, SOUND, A, X)[0] == NO_SUCH_INSTRUCTIONS
    assert library.sums(name, SOUND, X)[0] == NO_SUCH_INSTRUCTIONS


def test_nothing_where_something_is_wanted(library):
    assert library.shift_max(None, SOUND, A, X)[0] == UNSOUND
