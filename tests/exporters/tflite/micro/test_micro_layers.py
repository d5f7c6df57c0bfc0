"""The layers of files for TensorFlow Lite Micro: what they compute, in real numbers and in integers."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

import micronet_edge_tflite.micro.quantization  # noqa: F401 - registers the operators
from micronet_edge.quantization.operators.operator import Call
from micronet_edge.quantization.operators.registry import operator_of
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge.quantization.simulate import rounded
from micronet_edge.quantization.xnnpack import XNNPACK
from micronet_edge_tflite.micro.layers import AveragePool, CoefficientRows, ShiftedSum

integers = st.integers(-128, 127)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(-128, 127), st.integers(0, 2**31))
def test_an_average_is_rounded_half_away_from_zero(height, width, zero_point, seed):
    qparams = QuantParams(0.05, zero_point, 8)
    levels = np.random.default_rng(seed).integers(-128, 128, (1, 3, height, width))
    count = height * width
    # As AVERAGE_POOL_2D divides: C truncates towards zero.
    sums = [int(total) for total in levels.sum((2, 3))[0]]
    expected = [int((abs(total) + count // 2) // count) * (1 if total > 0 else -1) for total in sums]
    layer = AveragePool()
    x = torch.from_numpy((levels - zero_point).astype(np.float32)) * 0.05
    found = rounded(operator_of(layer).in_integers(Call(layer, (qparams,), qparams, XNNPACK), x), qparams)
    assert (found.flatten() / 0.05 + zero_point).round().int().tolist() == expected


@given(st.integers(1, 4), st.integers(1, 7), st.integers(1, 5), st.integers(0, 2**31))
def test_a_shifted_sum_is_rounded_once(shifts, channels, side, seed):
    generator = np.random.default_rng(seed)
    weight, x, result = QuantParams(0.01, 0, 8), QuantParams(0.02, -7, 8), QuantParams(0.03, 4, 8)
    levels = generator.integers(-127, 128, (1, channels, shifts, 1))
    maps = [generator.integers(-128, 128, (1, channels, side, side)) for _ in range(shifts)]
    sums = sum(levels[:, :, j : j + 1] * (each + 7) for j, each in enumerate(maps))
    exact = sums * (0.01 * 0.02 / 0.03)
    layer = ShiftedSum()
    rows = CoefficientRows()(
        *(torch.from_numpy(levels[:, :, j : j + 1]).float() * 0.01 for j in range(shifts))
    )
    call = Call(layer, (weight, *[x] * shifts), result, XNNPACK)
    tensors = [rows, *(torch.from_numpy(each + 7).float() * 0.02 for each in maps)]
    found = rounded(operator_of(layer).in_integers(call, *tensors), result).numpy() / 0.03
    assert np.abs(found - exact.clip(-132, 123)).max() <= 0.5 + 1e-3
