"""Parameters and multiply-adds: the paper's table, the authors' figures, and layers counted by hand."""

import copy

import pytest
import torch
from reference.authors import MODELS, VARIANTS
from torch import nn

from micronet_edge.counting import count
from micronet_edge.counting.arithmetic import MOVEMENT, elementwise, multiplication
from micronet_edge.counting.count import UNREAD, counted
from micronet_edge.counting.digits import in_bytes, three_digits
from micronet_edge.counting.graph import Arithmetic, Graph, Operator, Tensor
from micronet_edge.counting.layer_names import layer_of, layer_of_operator
from micronet_edge.models import DynamicShiftMax, GroupedPointwise, MicroNet

each_variant = pytest.mark.parametrize("variant", VARIANTS)


@pytest.mark.parametrize(
    ("variant", "conv_linear", "paper"),
    [("m0", 3.45, 4.05), ("m1", 5.31, 6.12), ("m2", 10.34, 12.74), ("m3", 18.24, 20.81)],
)
def test_multiply_adds_in_both_conventions(variant, conv_linear, paper):
    found = count(MicroNet(variant))
    assert round(found.conv_linear_madds / 1e6, 2) == conv_linear
    assert round(found.paper_madds / 1e6, 2) == paper


@each_variant
def test_the_count_equals_the_authors_exactly(variant):
    found = count(MicroNet(variant))
    assert {"conv": found.conv_madds, "linear": found.linear_madds} == MODELS[variant]["macs"]
    assert found.params == MODELS[variant]["params"]


@each_variant
def test_multiply_adds_over_the_image_grow_with_its_area(variant):
    small, large = count(MicroNet(variant), 96), count(MicroNet(variant), 192)
    assert large.conv_madds == 4 * small.conv_madds
    assert large.shift_max_madds == 4 * small.shift_max_madds
    assert large.linear_madds == small.linear_madds
    assert large.params == small.params


@each_variant
def test_counting_leaves_the_network_as_it_was(variant):
    network = MicroNet(variant, 3).train()
    network.features.eval()
    before = copy.deepcopy(network.state_dict())
    modes = [module.training for module in network.modules()]
    count(network, 64)
    assert [module.training for module in network.modules()] == modes
    assert {tensor.device.type for tensor in network.state_dict().values()} == {"cpu"}
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


@each_variant
def test_everything_in_a_variant_is_counted(variant):
    found = count(MicroNet(variant))
    assert found.uncounted == {}
    assert found.notes == ()


def test_what_cannot_be_counted_is_listed_with_how_often_it_occurs():
    transposed = nn.ConvTranspose2d(3, 4, 2)
    found = count(nn.Sequential(nn.Softplus(), nn.Conv2d(3, 3, 1), nn.Softplus(), transposed), 8)
    assert found.uncounted == {"softplus": 2, "convolution": 1}
    assert found.conv_madds == 64 * 9
    assert found.params == 12 + transposed.weight.numel() + 4


def test_a_convolution_by_hand():
    found = count(nn.Sequential(nn.Conv2d(3, 8, (5, 3), stride=2, padding=1, bias=True)), 32)
    assert found.conv_madds == 8 * 15 * 16 * (3 * 5 * 3)
    assert found.params == 8 * 3 * 5 * 3 + 8
    assert found.total.weight_bytes == 4 * found.params
    assert (found.total.other_operations, found.uncounted) == (0, {})


def test_a_grouped_convolution_by_hand():
    network = nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), GroupedPointwise(8, 12, 4))
    found = count(network, 10)
    assert found.conv_madds == 100 * (3 * 8 + 12 * 8 // 4)
    assert found.params == 3 * 8 + 12 * 2 + 2 * 12
    assert found.total.other_operations == 100 * 12 * 2  # the batch norm: a scale and a shift
    assert found.total.constant_bytes == 4 * 2 * 12  # its mean and variance


def test_shift_max_by_hand():
    layer = DynamicShiftMax(3, 1, shifts=4, fusions=2)
    found = count(nn.Sequential(layer), 8)
    assert found.shift_max_madds == 3 * 8 * 8 * 4 * 2
    assert found.linear_madds == 3 * 4 + 4 * (3 * 4 * 2)
    assert found.conv_linear_madds == found.linear_madds
    assert found.paper_madds == found.linear_madds + found.shift_max_madds


def test_a_linear_layer_counts_once_per_position():
    assert count(nn.Sequential(nn.Linear(32, 5)), 32).linear_madds == 3 * 32 * (32 * 5)


def test_a_layer_used_twice_works_twice_and_weighs_once():
    layer = nn.Conv2d(3, 3, 1, bias=False)
    found = count(nn.Sequential(layer, layer), 8)
    assert (found.conv_madds, found.params) == (2 * 64 * 9, 9)


def test_a_size_that_is_no_multiple_of_32_costs_more_than_the_next_smaller_one():
    assert count(MicroNet("m0"), 100).conv_madds > count(MicroNet("m0"), 96).conv_madds


def test_tied_weights_weigh_once():
    first, second = nn.Conv2d(3, 3, 1, bias=False), nn.Conv2d(3, 3, 1, bias=False)
    second.weight = first.weight
    found = count(nn.Sequential(first, second), 8)
    assert (found.params, found.conv_madds) == (9, 2 * 64 * 9)


def test_parameters_that_nothing_reads_are_not_dropped():
    network = nn.Sequential(nn.Conv2d(3, 2, 1, bias=False))
    network.register_parameter("idle", nn.Parameter(torch.zeros(5)))
    found = count(network, 8)
    assert found.params == 6 + 5
    assert found.layers[UNREAD].params == 5


def test_other_operations_of_layers_by_hand():
    figures = {
        nn.ReLU(): 1,
        nn.ReLU6(): 2,
        nn.Hardsigmoid(): 4,
        nn.Hardswish(): 5,
        nn.BatchNorm2d(3): 2,
    }
    for layer, each in figures.items():
        assert count(nn.Sequential(layer), 8).total.other_operations == each * 3 * 64, layer
    # A mean adds every pixel and multiplies every sum.
    assert count(nn.Sequential(nn.AdaptiveAvgPool2d(1)), 8).total.other_operations == 3 * 64 + 3


def test_an_activation_in_place_is_counted_as_well():
    assert count(nn.Sequential(nn.ReLU6(inplace=True)), 8).total.other_operations == 2 * 3 * 64


def test_a_product_outside_of_dynamic_shift_max_is_another_operation():
    class Square(nn.Module):
        def forward(self, x):
            return x * x

    found = count(Square(), 8)
    assert (found.shift_max_madds, found.total.other_operations) == (0, 3 * 64)


@each_variant
def test_layers_add_up_to_the_total_and_bear_the_network_s_names(variant):
    found = count(MicroNet(variant))
    layers = found.layers
    assert sum(layer.params for layer in layers.values()) == found.params
    assert sum(layer.paper_madds for layer in layers.values()) == found.paper_madds
    assert max(layer.activation_bytes for layer in layers.values()) == found.total.activation_bytes
    modules = {name.replace(".", "/") for name, _ in MicroNet(variant).named_modules()}
    assert set(layers) <= modules
    assert all(layer.endswith("_activation") for layer, figures in layers.items() if figures.shift_max_madds)


# --- Memory, on graphs by hand


def tensor(name, *shape, stored=False, held_in=""):
    size_bytes = 4
    for length in shape:
        size_bytes *= length
    return Tensor(name, shape, size_bytes, stored=name if stored else None, held_in=held_in)


def operator(name, inputs, outputs, arithmetic=MOVEMENT, layer=""):
    return Operator(name, layer or name, "kind", tuple(inputs), tuple(outputs), arithmetic)


def alive(operators, inputs, outputs):
    found = counted(Graph(tuple(operators), tuple(inputs), tuple(outputs)))
    return [each.figures.activation_bytes for each in found.operators]


def test_peak_memory_of_a_residual_by_hand():
    x, a, b, y = tensor("x", 10), tensor("a", 30), tensor("b", 20), tensor("y", 10)
    weight = tensor("weight", 1000, stored=True)
    steps = [operator("1", [x, weight], [a]), operator("2", [a], [b]), operator("3", [x, b], [y])]
    # x lives until it is added; weights are no activations.
    assert alive(steps, [x], [y]) == [4 * (10 + 30), 4 * (10 + 30 + 20), 4 * (10 + 20 + 10)]


def test_an_output_lives_to_the_end_and_what_nobody_reads_only_while_it_is_written():
    x, early, idle, y = tensor("x", 10), tensor("early", 5), tensor("idle", 7), tensor("y", 1)
    steps = [operator("1", [x], [early, idle]), operator("2", [x], [tensor("z", 2)]), operator("3", [], [y])]
    assert alive(steps, [x], [early, y]) == [4 * (10 + 5 + 7), 4 * (10 + 5 + 2), 4 * (5 + 1)]


def test_tensors_in_the_same_memory_count_once():
    x, view, y = tensor("x", 10), tensor("view", 10, held_in="x"), tensor("y", 3)
    assert alive([operator("1", [x], [view]), operator("2", [view], [y])], [x], [y]) == [40, 52]


def test_views_of_a_pytorch_tensor_take_no_memory_and_copies_do():
    class Flat(nn.Module):
        def forward(self, x):
            return x.flatten(1) + 1

    class Shuffled(nn.Module):
        def forward(self, x):
            return x.transpose(2, 3).contiguous() + 1

    image = 3 * 8 * 8 * 4
    assert count(Flat(), 8).total.activation_bytes == 2 * image
    assert [each.figures.activation_bytes for each in count(Shuffled(), 8).operators] == [2 * image] * 2


# --- Constants


def test_what_is_prepared_from_constants_costs_no_inference_anything():
    x, y = tensor("x", 8), tensor("y", 8)
    stored = Tensor("halves", (8,), 16, stored="halves")
    cast = operator("cast", [stored], [tensor("weight", 8)], elementwise(tensor("weight", 8)))
    used = operator("scale", [x, tensor("weight", 8)], [y], multiplication(y), "features/block1/a")
    found = counted(Graph((cast, used), (x,), (y,)))
    assert [each.name for each in found.operators] == ["scale"]
    assert (found.params, found.total.weight_bytes, found.total.other_operations) == (8, 16, 8)
    assert found.total.activation_bytes == 4 * 16


def test_a_constant_that_two_layers_share_counts_with_the_first():
    x, weight = tensor("x", 8), tensor("weight", 8, stored=True)
    steps = [operator(name, [tensor(read, 8), weight], [tensor(name, 8)]) for read, name in ("xa", "ab")]
    found = counted(Graph(tuple(steps), (x,), (tensor("b", 8),)))
    assert [each.figures.params for each in found.operators] == [8, 0]


def test_settings_are_stored_but_are_no_parameters():
    x, y, places = tensor("x", 8), tensor("y", 8), tensor("places", 8, stored=True)
    move = Operator("gather", "gather", "Gather", (x,), (y,), MOVEMENT, (places,))
    found = counted(Graph((move,), (x,), (y,)))
    assert (found.params, found.total.weight_bytes, found.total.constant_bytes) == (0, 0, 32)


# --- Dynamic Shift-Max, by the names in a file


def applied_in(*layers, arithmetic=None, own=("mean", "fusion0_product0"), **graph):
    """Products, one in each layer; a layer whose name ends in a colon is an activation and has its parts."""
    x, gate = tensor("x", 1, 4, 3, 3), tensor("gate", 1, 4, 1, 1)
    steps = []
    for layer in layers:
        mean, product = own if layer.endswith(":") else ("other", "")
        path = layer.removesuffix(":")
        steps.append(operator(f"{path}/{mean}", [x], [tensor(f"{path}/{mean}", 1, 4, 1, 1)]))
        name = f"{path}/{product}".removesuffix("/")
        steps.append(
            operator(name, [x, gate], [tensor(name, 1, 4, 3, 3)], arithmetic or multiplication(x), path)
        )
    return counted(Graph(tuple(steps), (x, gate), (steps[-1].outputs[0],), **graph))


OURS = "features/block1/project_activation:"


@pytest.mark.parametrize("activation", [OURS, "act:", "backbone/0:"])
@pytest.mark.parametrize(
    "own", [("mean", "fusion0_product0"), ("mean", "maximum/product0_1"), ("GlobalAveragePool", "Split_2")]
)
def test_multiplies_in_an_activation_of_the_network_are_the_paper_s(activation, own):
    found = applied_in(activation, "pool/swish", own=own)
    assert (found.shift_max_madds, found.paper_madds, found.total.other_operations) == (36, 36, 36)
    assert found.layers[activation.removesuffix(":")].shift_max_madds == 36


@pytest.mark.parametrize("foreign", ["model_88/tf.math.multiply", "features/3/squeeze", ""])
def test_multiplies_of_unknown_origin_make_the_figure_unavailable(foreign):
    for layers in ((foreign,), (OURS, foreign)):
        found = applied_in(*layers)
        assert (found.shift_max_madds, found.paper_madds) == (None, None)


@pytest.mark.parametrize("foreign", ["model_88/tf.math.multiply", "se/mul"])
def test_in_a_file_that_we_named_other_multiplies_are_none_of_an_activation(foreign):
    assert applied_in(foreign, named=True).shift_max_madds == 0
    assert applied_in("act:", foreign, named=True).shift_max_madds == 36


def test_squeeze_and_excite_is_not_mistaken_whatever_it_is_called():
    """Its parts bear the same names, but for those that only an activation has."""
    found = applied_in(OURS, own=("mean", "mul"), named=True)
    assert (found.shift_max_madds, found.total.other_operations) == (0, 36)


def test_an_activation_that_is_a_node_needs_no_name_to_be_known():
    found = applied_in("act:", own=("ReduceMean", "Conv"), activations=frozenset({"act"}))
    assert found.shift_max_madds == 36


def test_a_product_of_computed_matrices_is_the_paper_s_where_names_say_so():
    product = Arithmetic(linear=360)
    assert applied_in(OURS, arithmetic=product).shift_max_madds == 360
    unknown = applied_in("here", arithmetic=product)
    assert (unknown.conv_linear_madds, unknown.paper_madds) == (360, None)


def test_a_weight_that_scales_is_no_coefficient():
    x, weight = tensor("x", 8), tensor("weight", 8, stored=True)
    step = operator("features/block1/project_activation", [x, weight], [x], multiplication(x))
    found = counted(Graph((step,), (x,), (x,)))
    assert (found.shift_max_madds, found.total.other_operations) == (None, 8)


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("features/block2/depthwise/horizontal/conv/Conv", "features/block2/depthwise"),
        ("features/block1/project_activation/Mul_1_output_0", "features/block1/project_activation"),
        ("features/block4/Add", "features/block4"),
        ("features/stem/activation", "features/stem"),
        ("classifier/logits/linear/Gemm", "classifier/logits"),
        ("features/3/block/0/Conv", "features/3/block/0"),
        ("Conv_7", "Conv_7"),
    ],
)
def test_layers_bear_the_network_s_names_whatever_the_file_adds(name, layer):
    assert layer_of_operator(name) == layer
    assert layer_of(layer) == layer


# --- Digits


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1.00 k"),
        (54_549, "54.5 k"),
        (99_999, "0.100 M"),
        (813_000, "0.813 M"),
        (999_500, "1.00 M"),
        (4_054_128, "4.05 M"),
        (20_807_520, "20.8 M"),
        (145_847_680, "146 M"),
        (1_204_000_000, "1.20 G"),
    ],
)
def test_three_significant_digits(number, shown):
    assert three_digits(number) == shown
    assert in_bytes(number) == (f"{shown}B" if shown[-1].isalpha() else f"{shown} B")
