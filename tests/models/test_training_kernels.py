"""The compiled loops of training against the plain layers, and what happens without them."""

import ctypes
import os
from pathlib import Path

import pytest
import torch
from models.test_shift_max_function import Case, each_format, plain_shift_max
from torch import nn

from micronet_edge import kernels
from micronet_edge.models import (
    ChannelShuffle,
    DynamicShiftMax,
    MicroNet,
    dynamic_shift_max,
    training_kernels,
)
from micronet_edge.models.activation_training import UNBOUNDED, fused_clip, fused_shift_max, order_after
from micronet_edge.models.dynamic_shift_max import shift_indices
from micronet_edge.models.shuffled_activation import shuffled_activation

# Sums over pixels and fusions differ in order alone. Relative to the largest gradient.
TOLERANCES = {torch.float32: 2e-6, torch.float64: 1e-14}

OTHER_LIBRARY = os.environ.get("MICRONET_EDGE_TESTED_TRAINING")
"""One that was built otherwise, with sanitizers, to run the same tests on."""

PATH = kernels.training_library() if OTHER_LIBRARY is None else Path(OTHER_LIBRARY)
pytestmark = pytest.mark.skipif(
    PATH is None, reason="the training loops were not built: there is no C++ compiler"
)
BEST = "plain" if PATH is None else training_kernels.TrainingLibrary(PATH).instructions.decode()
each_way = pytest.mark.parametrize("instructions", sorted({"plain", BEST}))


@pytest.fixture(autouse=True)
def use(monkeypatch):
    """Makes the layers take the loops for these instructions."""

    def take(name):
        loops = training_kernels.TrainingLibrary(PATH, name)
        monkeypatch.setattr(training_kernels, "library", lambda: loops)

    take(BEST)
    return take


def drawn(*sides, dtype=torch.float32, seed=0):
    case = Case.drawn(*sides, dtype=dtype, seed=seed)
    x, dy = (each.contiguous(memory_format=torch.channels_last) for each in (case.x, case.dy))
    return Case(x, case.coefficients, case.groups, dy)


def order_of(case, *shuffles):
    channels = case.x.shape[1]
    sources = shift_indices(channels, case.groups, case.coefficients.shape[2])
    return order_after(channels, sources, tuple(ChannelShuffle(each).source(channels) for each in shuffles))


def gradients(form, case):
    x, coefficients = (each.detach().requires_grad_() for each in (case.x, case.coefficients))
    y = form(x, coefficients)
    return y.detach(), *torch.autograd.grad(y, (x, coefficients), case.dy)


def check(case, shuffles=()):
    def plain(x, coefficients):
        y = plain_shift_max(x, coefficients, case.groups)
        for groups in shuffles:
            y = y[:, torch.tensor(ChannelShuffle(groups).source(y.shape[1]))]
        return y

    order = order_of(case, *shuffles)
    y, *found = gradients(lambda x, a: fused_shift_max(x, a, order), case)
    expected_y, *expected = gradients(plain, case)
    assert torch.equal(y, expected_y)
    for one, other in zip(found, expected, strict=True):
        allowed = TOLERANCES[case.x.dtype] * max(1.0, float(other.abs().max()))
        torch.testing.assert_close(one, other, rtol=0, atol=allowed)


@each_way
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize(("k", "j"), [(1, 1), (1, 2), (2, 1), (2, 2)])
@pytest.mark.parametrize("sides", [(3, 2, 3), (2, 4, 6), (1, 1, 8), (4, 8, 40)])
def test_values_are_equal_and_gradients_close(use, instructions, dtype, k, j, sides):
    use(instructions)
    n, groups, width = sides
    for size in ((1, 1), (3, 5), (17, 16)):
        case = drawn(n, groups, width, k, j, size, dtype=dtype)
        check(case)
        check(case, (groups, width))


@each_way
@pytest.mark.parametrize(("k", "j"), [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_gradients_are_those_of_finite_differences(use, instructions, j, k):
    use(instructions)
    case = drawn(2, 2, 3, k, j, (2, 3), dtype=torch.float64)
    order, inputs = order_of(case, 3), (case.x.requires_grad_(), case.coefficients.requires_grad_())
    assert torch.autograd.gradcheck(lambda x, a: fused_shift_max(x, a, order), inputs)


@each_way
def test_equal_sums_share_the_gradient(use, instructions):
    use(instructions)
    case = drawn(2, 3, 4, 2, 2, (4, 5))
    coefficients = case.coefficients.round()
    coefficients[:, 1, :, ::2] = coefficients[:, 0, :, ::2]
    check(Case(case.x.round(), coefficients, 3, case.dy), (3,))


@each_way
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_goes_on(use, instructions, value):
    use(instructions)
    case = drawn(1, 2, 2, 2, 2, (2, 2))
    case.x[0, 1, 0, 0] = value
    order = order_of(case)
    found = gradients(lambda x, a: fused_shift_max(x, a, order), case)
    expected = gradients(lambda x, a: plain_shift_max(x, a, case.groups), case)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.isnan(), other.isnan())


@each_way
@pytest.mark.parametrize("activation", [nn.ReLU6(), nn.Identity()])
def test_a_clip_and_shuffles_are_the_layers_one_by_one(use, instructions, activation):
    use(instructions)
    x = torch.randn(3, 12, 7, 5).mul_(4).contiguous(memory_format=torch.channels_last)
    x[0, :4, 0, 0] = torch.tensor([float("nan"), 0.0, 6.0, float("inf")])
    dy = torch.randn(x.shape)
    shuffle = nn.Sequential(ChannelShuffle(3), ChannelShuffle(6))
    one, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, expected = shuffled_activation(activation, shuffle, one), activation(other)
    for each in shuffle:
        expected = expected[:, torch.tensor(each.source(12))]
    torch.testing.assert_close(y, expected, rtol=0, atol=0, equal_nan=True)
    assert torch.equal(*(torch.autograd.grad(*pair, dy)[0] for pair in ((y, one), (expected, other))))


@each_way
def test_a_clip_has_the_gradient_of_finite_differences(use, instructions):
    use(instructions)
    x = torch.randn(2, 6, 2, 3, dtype=torch.float64).mul_(4).contiguous(memory_format=torch.channels_last)
    order = order_after(6, (), (ChannelShuffle(2).source(6),))
    for ends in ((0.0, 6.0), UNBOUNDED):
        assert torch.autograd.gradcheck(lambda x, ends=ends: fused_clip(x, order, ends), x.requires_grad_())


def test_threads_change_no_bit(monkeypatch):
    case = drawn(7, 4, 6, 2, 2, (9, 7))
    order = order_of(case, 4)
    expected = gradients(lambda x, a: fused_shift_max(x, a, order), case)
    monkeypatch.setattr(training_kernels, "ELEMENTS_PER_THREAD", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    found = gradients(lambda x, a: fused_shift_max(x, a, order), case)
    assert all(map(torch.equal, found, expected))


@each_format
def test_only_the_gradients_that_are_wanted(memory_format):
    case = drawn(2, 2, 3, 2, 2, (3, 3))
    order, dy = order_of(case), case.dy.contiguous(memory_format=memory_format)
    _, *expected = gradients(lambda x, a: fused_shift_max(x, a, order), case)
    x, a = case.x.clone().requires_grad_(), case.coefficients.clone().requires_grad_()
    assert torch.equal(torch.autograd.grad(fused_shift_max(x, a.detach(), order), x, dy)[0], expected[0])
    assert torch.equal(torch.autograd.grad(fused_shift_max(x.detach(), a, order), a, dy)[0], expected[1])


def test_a_step_without_the_library_is_the_same(monkeypatch):
    def step():
        torch.manual_seed(0)
        network = MicroNet("m0", num_classes=3).double().train()
        network(torch.randn(2, 3, 32, 32, dtype=torch.float64)).square().sum().backward()
        return [each.grad for each in network.parameters()]

    found = step()
    monkeypatch.setattr(training_kernels, "library", lambda: None)
    for one, other in zip(found, step(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-9 * max(1.0, float(other.abs().max())))


def test_hooks_of_activations_and_shuffles_run():
    activation, shuffle, seen = DynamicShiftMax(8, 2), nn.Sequential(ChannelShuffle(2)), []
    x = torch.randn(2, 8, 3, 3).contiguous(memory_format=torch.channels_last)
    joined = shuffled_activation(activation, shuffle, x)
    activation.excite.register_forward_hook(lambda *_: seen.append("excite"))
    shuffle[0].register_forward_hook(lambda *_: seen.append("shuffle"))
    assert torch.equal(shuffled_activation(activation, shuffle, x), joined)
    assert seen == ["excite", "shuffle"]


@pytest.mark.parametrize("sides", [(3, 2), (2, 3), (2, 1), (1, 2)])
def test_any_number_of_fusions_and_shifts_trains_with_shuffles(sides):
    fusions, shifts = sides
    activation, shuffle = (
        DynamicShiftMax(8, 2, fusions=fusions, shifts=shifts),
        nn.Sequential(ChannelShuffle(2)),
    )
    x = torch.randn(2, 8, 3, 3).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        expected = shuffle(activation(x))
    assert torch.equal(shuffled_activation(activation, shuffle, x), expected)


@pytest.mark.parametrize("frozen", ["none", "squeeze", "excite", "both", "x"])
def test_the_layer_has_the_gradients_of_its_plain_form(monkeypatch, frozen):
    torch.manual_seed(0)
    layer = DynamicShiftMax(12, 3, initial=((1.0, 0.5), (0.5, 1.0))).double()
    for name, part in (("squeeze", layer.squeeze), ("excite", layer.excite)):
        nn.init.normal_(part.weight, std=0.5)
        part.requires_grad_(frozen not in (name, "both"))
    x = torch.randn(3, 12, 5, 4, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
    dy, found = torch.randn_like(x), []
    for plain in (False, True):
        given = x.clone().requires_grad_(frozen != "x")
        if plain:
            monkeypatch.setattr(dynamic_shift_max, "gradient_wanted", lambda *_: False)
        y, wanted = layer(given), [each for each in (given, *layer.parameters()) if each.requires_grad]
        found.append((y, *torch.autograd.grad(y, wanted, dy)))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_the_whole_layer_has_the_gradient_of_finite_differences():
    torch.manual_seed(0)
    layer = DynamicShiftMax(4, 2).double()
    x = torch.randn(2, 4, 2, 3, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
    parameters = [each.detach().clone().requires_grad_() for each in layer.parameters()]
    names = [name for name, _ in layer.named_parameters()]

    def form(x, *values):
        for name, value in zip(names, values, strict=True):
            part, _, kind = name.partition(".")
            del getattr(layer, part)._parameters[kind]
            getattr(layer, part)._parameters[kind] = value
        return layer(x)

    assert torch.autograd.gradcheck(form, (x.requires_grad_(), *parameters))


def test_unsound_arguments_are_refused():
    functions, numbers = ctypes.CDLL(str(PATH)), torch.zeros(64)
    memory = ctypes.c_void_p(numbers.data_ptr())
    count = ctypes.c_int64

    def reordered(order, *, name=b"plain", channels=2, given=memory):
        sources = (ctypes.c_int32 * 2)(*order)
        ends = ctypes.c_double(0), ctypes.c_double(6)
        sides = name, 0, count(2), count(channels), sources, *ends
        return functions.micronet_edge_train_reorder(*sides, given, memory)

    def fused(shifts, fusions, sources=(0, 1, 1, 0)):
        rows, order = (ctypes.c_int32 * 4)(*sources), (ctypes.c_int32 * 2)(0, 1)
        sides = b"plain", 0, shifts, fusions, count(1), count(1), count(2), rows, order
        return functions.micronet_edge_train_shift_max(*sides, memory, memory, memory)

    assert reordered((1, 0)) == 0
    assert reordered((1, 2)) == reordered((1, 1)) == reordered((-1, 0)) == 1
    assert reordered((1, 0), channels=0) == reordered((1, 0), given=None) == reordered((1, 0), name=None) == 1
    assert reordered((1, 0), name=b"none such") == 2
    assert fused(2, 2) == 0
    assert fused(3, 2) == fused(2, 3) == fused(0, 1) == fused(2, 1, (0, 1, 1, 1)) == 1
