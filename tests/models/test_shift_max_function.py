"""The training form of Dynamic Shift-Max against the plain form under autograd."""

import copy
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from micronet_edge.models import DynamicShiftMax
from micronet_edge.models import shift_max_function as training_form
from micronet_edge.models.dynamic_shift_max import shift_indices
from micronet_edge.models.shift_max_function import shift_max

# Gradients in float32: products are the same, sums over pixels and fusions differ in order and by fused
# multiply-adds. Relative to the largest gradient.
TOLERANCE = 2e-6
# In bfloat16, of 8 bits, single products are rounded.
HALF_TOLERANCE = 2e-2

each_format = pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])


def plain_shift_max(x: Tensor, coefficients: Tensor, groups: int) -> Tensor:
    """As the authors write it: a gather per shift, multiplications, sums, torch.maximum."""
    index = torch.tensor(shift_indices(x.shape[1], groups, coefficients.shape[2]))
    shifted = [x, *(x[:, row] for row in index[1:])]
    fused = None
    for row in coefficients.unbind(1):
        total = row[:, 0, :, None, None] * shifted[0]
        for j, source in enumerate(shifted[1:], start=1):
            total = total + row[:, j, :, None, None] * source
        fused = total if fused is None else torch.maximum(fused, total)
    assert fused is not None
    return fused


@dataclass(frozen=True)
class Case:
    x: Tensor
    coefficients: Tensor
    groups: int
    dy: Tensor

    @classmethod
    def drawn(cls, n, groups, width, k, j, size, seed=0, dtype=torch.float32):
        random = torch.Generator().manual_seed(seed)
        x, dy = (torch.randn(n, groups * width, *size, generator=random, dtype=dtype) for _ in range(2))
        coefficients = torch.randn(n, k, j, groups * width, generator=random, dtype=dtype)
        return cls(x, coefficients, groups, dy)


def gradients(form, case: Case) -> tuple[Tensor, ...]:
    x, coefficients = (each.detach().requires_grad_() for each in (case.x, case.coefficients))
    y = form(x, coefficients, case.groups)
    return y.detach(), *torch.autograd.grad(y, (x, coefficients), case.dy)


def check(case: Case, tolerance: float = TOLERANCE) -> None:
    y, *found = gradients(shift_max, case)
    expected_y, *expected = gradients(plain_shift_max, case)
    assert torch.equal(y, expected_y)
    assert y.stride() == expected_y.stride()
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        allowed = tolerance * max(1.0, float(other.abs().max()))
        torch.testing.assert_close(one, other, rtol=0, atol=allowed)


@given(
    n=st.integers(1, 3),
    groups=st.integers(1, 4),
    width=st.integers(1, 4),
    k=st.integers(1, 3),
    j=st.integers(1, 4),
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    seed=st.integers(0, 2**16),
    channels_last=st.booleans(),
)
def test_values_are_equal_and_gradients_close_to_the_plain_form(
    n, groups, width, k, j, size, seed, channels_last
):
    case = Case.drawn(n, groups, width, k, j, size, seed)
    if channels_last and min(groups * width, *size) > 1:  # else both formats are the same
        case = Case(case.x.contiguous(memory_format=torch.channels_last), case.coefficients, groups, case.dy)
    elif channels_last:
        return
    check(case)


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("j", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2, 3])
def test_gradients_are_those_of_finite_differences(groups, j, k):
    case = Case.drawn(2, groups, 2, k, j, (2, 3), dtype=torch.float64)
    inputs = (case.x.requires_grad_(), case.coefficients.requires_grad_())
    assert torch.autograd.gradcheck(lambda x, a: shift_max(x, a, groups), inputs)


@each_format
@pytest.mark.parametrize("k", [2, 3])
def test_ties_share_the_gradient_as_torch_maximum_does(k, memory_format):
    case = Case.drawn(2, 3, 4, k, 2, (4, 5))
    x = case.x.round().contiguous(memory_format=memory_format)
    coefficients = case.coefficients.round()
    coefficients[:, 1] = coefficients[:, 0]
    check(Case(x, coefficients, 3, case.dy.contiguous(memory_format=memory_format)))


@each_format
@pytest.mark.parametrize("piece", [1, 100, 10**6])
def test_pieces_of_any_size_give_the_same(monkeypatch, piece, memory_format):
    monkeypatch.setattr(training_form, "PIECE", piece)
    case = Case.drawn(5, 4, 6, 2, 2, (5, 7))
    check(Case(case.x.contiguous(memory_format=memory_format), case.coefficients, 4, case.dy))


def test_inputs_that_are_not_contiguous():
    case = Case.drawn(4, 2, 6, 2, 2, (6, 10))
    x = case.x[::2, :, ::2].transpose(2, 3)
    check(Case(x, case.coefficients[::2], 2, torch.randn(x.shape)))


def test_a_batch_of_no_images():
    x = torch.zeros(0, 4, 2, 2, requires_grad=True)
    y = shift_max(x, torch.zeros(0, 2, 2, 4, requires_grad=True), 2)
    y.sum().backward()
    assert y.shape == x.grad.shape == x.shape


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_goes_on(value):
    case = Case.drawn(1, 2, 2, 2, 2, (2, 2))
    case.x[0, 1, 0, 0] = value
    y, dx, da = gradients(shift_max, case)
    assert torch.equal(y.isnan(), plain_shift_max(case.x, case.coefficients, 2).isnan())
    assert not da.isfinite().all()
    assert dx.shape == case.x.shape


def test_only_the_gradients_that_are_wanted():
    case = Case.drawn(2, 2, 3, 2, 2, (3, 3))
    expected = gradients(plain_shift_max, case)
    x = case.x.clone().requires_grad_()
    (dx,) = torch.autograd.grad(shift_max(x, case.coefficients, 2), x, case.dy)
    coefficients = case.coefficients.clone().requires_grad_()
    (da,) = torch.autograd.grad(shift_max(case.x, coefficients, 2), coefficients, case.dy)
    torch.testing.assert_close(dx, expected[1], rtol=0, atol=TOLERANCE * float(expected[1].abs().max()))
    torch.testing.assert_close(da, expected[2], rtol=0, atol=TOLERANCE * float(expected[2].abs().max()))


def saved_bytes(layer: DynamicShiftMax, x: Tensor) -> int:
    """What autograd keeps for the layer's gradients, each storage once."""
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        layer(x).sum().backward()
    return sum(t.numel() * t.element_size() for t in kept.values() if t.numel() >= x.numel())


@pytest.mark.parametrize(("j", "k"), [(1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (2, 3)])
def test_at_most_two_maps_are_saved(j, k):
    layer, x = DynamicShiftMax(16, 4, shifts=j, fusions=k), torch.randn(4, 16, 20, 20, requires_grad=True)
    size_bytes = x.numel() * x.element_size()
    assert saved_bytes(layer, x) == size_bytes * (1 + (k - 1) / 4) <= 2 * size_bytes


def layer_and_input() -> tuple[DynamicShiftMax, Tensor]:
    torch.manual_seed(0)
    layer = DynamicShiftMax(12, 3, initial=((1.0, 0.0), (0.5, 0.5)))
    with torch.no_grad():
        layer.excite.weight *= 8
    return layer, torch.randn(3, 12, 6, 7)


@each_format
def test_training_and_inference_give_the_same_bits(memory_format):
    layer, x = layer_and_input()
    x = x.contiguous(memory_format=memory_format)
    with torch.no_grad():
        expected = layer(x)
    found = layer(x)
    assert type(found.grad_fn).__name__ in ("_ShiftMaxBackward", "_DynamicShiftMaxBackward")
    assert torch.equal(found, expected)
    assert found.stride() == expected.stride()


def test_a_copied_layer_trains_alike():
    layer, x = layer_and_input()
    twin = copy.deepcopy(layer)
    for each in (layer, twin):
        each(x).square().sum().backward()
    assert torch.equal(layer.excite.weight.grad, twin.excite.weight.grad)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_autocast(dtype):
    layer, x = layer_and_input()
    x = x.to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(x)
        with torch.no_grad():
            expected = layer(x)
    assert y.dtype == expected.dtype
    assert torch.equal(y, expected)
    y.float().square().sum().backward()
    assert x.grad.dtype == dtype
    (found,) = (x.grad.float(),)
    precise = x.detach().float().requires_grad_()
    layer(precise).square().sum().backward()
    scale = float(precise.grad.abs().max())
    assert float((found - precise.grad).abs().mean()) < HALF_TOLERANCE * scale


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch.jit, which torch.onnx still uses
def test_tracers_and_transforms_see_the_plain_form():
    layer, x = layer_and_input()
    traced = torch.jit.trace(layer, x)
    assert "aten::maximum" in str(traced.inlined_graph)
    exported = torch.export.export(layer, (x,))
    assert any("maximum" in str(node.target) for node in exported.graph.nodes)
    gradient = torch.func.grad(lambda each: layer(each).sum())(x)
    x.requires_grad_()
    layer(x).sum().backward()
    torch.testing.assert_close(gradient, x.grad, rtol=0, atol=TOLERANCE * float(x.grad.abs().max()))
