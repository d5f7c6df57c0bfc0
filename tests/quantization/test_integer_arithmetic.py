"""Integers are multiplied, added and rounded to the last bit as the runtimes do it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from micronet_edge.quantization.integer_arithmetic import integer_product, integer_sum, requantized
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge.quantization.simulate import rounded

RESULT = QuantParams(0.03951844945549965, 2, 8)


def test_a_product_that_float32_takes_for_a_tie():
    """XNNPACK gave -10 for these, which are -9.4999999 steps in real numbers."""
    tensor_qparams = [QuantParams(0.024614211171865463, 2, 8), QuantParams(0.008511371910572052, -128, 8)]
    values = [
        torch.tensor(float(q)) * qparams.scale for q, qparams in zip((-14, 128), tensor_qparams, strict=True)
    ]
    product = integer_product(values[0] * values[1], tensor_qparams, RESULT)
    assert round(float(product) / RESULT.scale) == -10


@given(total=st.integers(-(2**23), 2**23).filter(bool), steps=st.integers(-100, 100), off=st.integers(-2, 2))
def test_sums_near_a_tie_are_rounded_as_float32_rounds_them(total, steps, off):
    factor = np.float32((steps + 0.5) / total)
    for _ in range(abs(off)):
        factor = np.nextafter(factor, np.float32(np.sign(off)), dtype=np.float32)
    sums = torch.tensor([[float(total)]])
    found = requantized(sums, None, torch.tensor([factor]), RESULT)
    expected = int(np.rint(np.float32(total) * factor)) + RESULT.zero_point
    integer = round(float(rounded(found, RESULT)) / RESULT.scale) + RESULT.zero_point
    assert integer == np.clip(expected, RESULT.lowest, RESULT.highest)


@pytest.mark.parametrize("bias", [2.0**24, 2.0**30, -(2.0**30)])
def test_a_large_bias_is_added_before_float32_rounds(bias):
    total = 12345  # the sum in float32 of both is off by as much as 32
    factor = np.float32(40 / (bias + total))
    found = requantized(torch.tensor([[float(total)]]), torch.tensor([bias]), torch.tensor([factor]), RESULT)
    expected = np.float32(int(bias) + total) * factor
    assert float(found) / RESULT.scale == pytest.approx(float(expected), abs=1e-3)


def test_gradients_pass():
    values = torch.tensor([[3.0, -2.0]], requires_grad=True)
    factors = torch.tensor([0.3, 0.7])
    requantized(values, torch.tensor([1.0, 2.0]), factors, RESULT).sum().backward()
    torch.testing.assert_close(values.grad, (factors * RESULT.scale)[None])
    values.grad = None
    integer_product(values, [QuantParams(1.0, 0, 8), QuantParams(1.0, 0, 8)], RESULT).sum().backward()
    assert values.grad.tolist() == [[1.0, 1.0]]


def test_the_larger_factor_of_a_sum_has_20_bits():
    tensor_qparams, steps = (
        [QuantParams(0.05, 0, 8), QuantParams(0.0301, 0, 8)],
        [torch.arange(-128.0, 128.0)] * 2,
    )
    found = integer_sum(steps, tensor_qparams, RESULT) / RESULT.scale
    ratios = [np.float32(qparams.scale) / np.float32(RESULT.scale) for qparams in tensor_qparams]
    factors = [round(float(ratio) * 2**20) for ratio in ratios]
    expected = [(q * sum(factors) + (1 << 19)) >> 20 for q in range(-128, 128)]
    assert found.round().long().tolist() == expected
