"""The fused kernels' own order of sums, which no tie in a small network is sure to show."""

import pytest
import torch

from micronet_edge.quantization.fused_arithmetic import matrix_product

COLUMN = torch.tensor([1e8, 1.0, -1e8]).view(1, 3, 1, 1)
WEIGHT = torch.ones(1, 3)


def product(exact):
    return matrix_product(exact, COLUMN, WEIGHT, torch.tensor([0.5]), torch.tensor([2.0]))


def test_products_are_added_one_after_the_other():
    # float32 takes the 1 between the two for nothing: in real numbers the sum would be 1.
    assert float(product(torch.zeros(1, 1, 1, 1))) == 2.0
    other_order = COLUMN.flatten()[[0, 2, 1]].view_as(COLUMN)
    swapped = matrix_product(
        torch.zeros(1, 1, 1, 1), other_order, WEIGHT, torch.tensor([0.5]), torch.tensor([2.0])
    )
    assert float(swapped) == 2.5


def test_the_gradient_is_that_of_the_result_in_real_numbers():
    exact = torch.tensor([2.5]).view(1, 1, 1, 1).requires_grad_()
    product(exact).sum().backward()
    assert exact.grad is not None
    assert float(exact.grad) == pytest.approx(1.0)
