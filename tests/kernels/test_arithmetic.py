"""The fused arithmetic against its definition, for every set of instructions that this machine has."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernels.fused_library import OK, Shape, TensorQuantParams, expected, expected_int8

RELATIVE = 1e-6
"""Of the sum of the terms' magnitudes: four roundings of 24 bits each."""


@st.composite
def shapes(draw, most_channels=40, most_pixels=70):
    """Any sides, and any channels as sources: the networks' own shifts, their inverse, repeated ones."""
    shifts, fusions = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    inputs, outputs = draw(st.integers(1, most_channels)), draw(st.integers(1, most_channels))
    seed = draw(st.integers(0, 2**16))
    sources = np.random.default_rng(seed).integers(0, inputs, (shifts, outputs))
    if draw(st.booleans()):  # runs of channels, as a real shift has them
        sources = (np.arange(outputs) + draw(st.integers(0, inputs)) * np.arange(shifts)[:, None]) % inputs
    return Shape(
        shifts, fusions, inputs, outputs, draw(st.integers(1, most_pixels)), draw(st.booleans()), sources
    )


@st.composite
def tensor_qparams(draw):
    lowest = draw(st.integers(-128, 126))
    return TensorQuantParams(
        x_zero=draw(st.integers(-128, 127)),
        y_zero=draw(st.integers(-128, 127)),
        multiplier=draw(st.floats(1e-6, 1e-1)),
        lowest=lowest,
        highest=draw(st.integers(lowest, 127)),
    )


def random_numbers(shape, seed):
    random = np.random.default_rng(seed)
    a = random.standard_normal((shape.fusions, shape.shifts, shape.outputs)).astype(np.float32)
    return a, random.standard_normal((shape.inputs, shape.pixels)).astype(np.float32)


def random_integers(shape, seed, largest=3000):
    random = np.random.default_rng(seed)
    a = random.integers(-largest, largest + 1, (shape.fusions, shape.shifts, shape.outputs), np.int16)
    return a, random.integers(-128, 128, (shape.inputs, shape.pixels)).astype(np.int8)


def close(found, shape, a, x, low=-np.inf, high=np.inf):
    size = (np.abs(a)[..., None] * np.abs(x)[shape.sources]).sum(1).max(0)
    return (np.abs(found - expected(shape, a, x, low, high)) <= RELATIVE * size + 1e-30).all()


@given(shape=shapes(), seed=st.integers(0, 2**16))
def test_float_is_the_largest_sum_of_products(library, shape, seed):
    a, x = random_numbers(shape, seed)
    for instructions in library.instructions():
        status, y = library.shift_max(instructions, shape, a, x)
        assert status == OK
        assert close(y, shape, a, x), instructions


@given(shape=shapes(), seed=st.integers(0, 2**16), low=st.floats(-2, 0), span=st.floats(0, 2))
def test_float_is_cut_off(library, shape, seed, low, span):
    a, x = random_numbers(shape, seed)
    for instructions in library.instructions():
        _, y = library.shift_max(instructions, shape, a, x, low, low + span)
        assert close(y, shape, a, x, np.float32(low), np.float32(low + span)), instructions


@given(shape=shapes(12, 20), tensor_qparams=tensor_qparams(), seed=st.integers(0, 2**16))
def test_int8_is_the_same_to_the_last_step(library, shape, tensor_qparams, seed):
    a, x = random_integers(shape, seed)
    wanted = expected_int8(shape, tensor_qparams, a, x)
    for instructions in library.instructions():
        status, y = library.shift_max_int8(instructions, shape, tensor_qparams, a, x)
        assert status == OK
        assert (y == wanted).all(), instructions


@given(shape=shapes(100, 150), tensor_qparams=tensor_qparams(), seed=st.integers(0, 2**16))
def test_all_instructions_give_the_same_integers(library, shape, tensor_qparams, seed):
    a, x = random_integers(shape, seed, largest=16_000)
    plain, *others = (
        library.shift_max_int8(name, shape, tensor_qparams, a, x)[1] for name in library.instructions()
    )
    assert all((y == plain).all() for y in others)


@pytest.mark.parametrize("rows", [False, True], ids=["planes", "rows"])
@pytest.mark.parametrize(
    ("channels", "groups", "side"), [(12, 4, 28), (48, 6, 14), (144, 8, 14), (480, 8, 7)]
)
def test_the_networks_own_shift(library, channels, groups, side, rows):
    """A double roll: every group takes the next one, and each of its channels the next one."""
    width = channels // groups
    qparams = np.roll(np.arange(channels).reshape(groups, width), (-1, -1), (0, 1)).ravel()
    shape = Shape(2, 2, channels, channels, side * side, rows, np.stack([np.arange(channels), qparams]))
    a, x = random_numbers(shape, 0)
    integers = random_integers(shape, 0)
    for name in library.instructions():
        assert close(library.shift_max(name, shape, a, x)[1], shape, a, x), name
    plain, *others = (
        library.shift_max_int8(name, shape, TensorQuantParams(-3, 5, 1e-5), *integers)[1]
        for name in library.instructions()
    )
    assert all((y == plain).all() for y in others)


@given(shape=shapes(), seed=st.integers(0, 2**16))
def test_what_is_not_a_number_stays(library, shape, seed):
    a, x = random_numbers(shape, seed)
    x[np.random.default_rng(seed).random(x.shape) < 0.1] = np.nan
    wanted = expected(shape, a, x)  # NumPy's largest keeps it as well
    for instructions in library.instructions():
        _, y = library.shift_max(instructions, shape, a, x, -1, 1)
        assert (np.isnan(y) == np.isnan(wanted)).all(), instructions


@given(shape=shapes(most_pixels=2000), seed=st.integers(0, 2**16))
def test_sums_over_all_pixels(library, shape, seed):
    a, x = random_numbers(shape, seed)
    del a
    integers = np.random.default_rng(seed).integers(-128, 128, x.shape).astype(np.int8)
    for instructions in library.instructions():
        status, sums = library.sums(instructions, shape, x)
        assert status == OK
        assert np.abs(sums - x.astype(np.float64).sum(1)).max() <= RELATIVE * np.abs(x).sum(1).max()
        assert (library.sums(instructions, shape, integers)[1] == integers.astype(int).sum(1)).all()
