"""Names of operators are written and read by one table."""

import pytest
from costs import XNNPACK
from lowering.networks import lively, shift_max, stem
from torch import nn

from micronet_edge.lowering import INTEGER, lower
from micronet_edge.lowering.ir.composite import Role, part_of, regions
from micronet_edge.util.layer_names import (
    common_start,
    fused_layer,
    layer_among,
    makes_coefficients,
    shift_max_layers,
)


@pytest.mark.parametrize("name", ["act", "features/block1/project_activation", "mean", "net/maximum"])
@pytest.mark.parametrize("pipeline", [INTEGER, XNNPACK], ids=["integer", "float"])
@pytest.mark.parametrize(("shifts", "fusions", "size"), [(1, 1, 8), (2, 1, 8), (2, 2, 8), (2, 2, 64)])
def test_what_is_decomposed_is_read_back(name, pipeline, shifts, fusions, size):
    layers = {"first": stem(12), name: shift_max(12, 4, shifts, fusions), "last": nn.Conv2d(12, 4, 1)}
    network = nn.Sequential()
    for each, layer in layers.items():
        network.add_module(each, layer)
    lowered = lower(lively(network).eval(), pipeline, size).network
    names = [str(node.target) for node in lowered.graph.nodes if node.op == "call_module"]
    (layer,) = shift_max_layers(names)
    (region,) = regions(lowered)
    assert layer == region.composite.layer == name
    assert {each for each in names if layer_among({layer}, each)} == {str(n.target) for n in region.nodes}
    for node in region.nodes:
        part, written = part_of(node), str(node.target).removeprefix(f"{name}/")
        if "_matrix" not in written:  # coefficients at their places, which make no new ones
            assert makes_coefficients(written) == (part.role is not Role.APPLIES), written


@pytest.mark.parametrize(
    "names",
    [
        ["se/mean", "se/squeeze", "se/squeezed", "se/excite", "se/gate", "se/mul"],
        ["se/GlobalAveragePool", "se/Conv", "se/Relu", "se/Conv_1", "se/Clip", "se/Mul"],
        ["features/block1/project_activation/Clip", "features/block1/project_activation/Mul"],
        ["pool/mean", "other/maximum"],
        ["attention/Split", "attention/MatMul"],
        ["", "mean", "maximum", "Split"],
    ],
)
def test_what_is_none(names):
    assert shift_max_layers(names) == frozenset()


def test_a_converter_may_put_kinds_of_operators_behind_the_names():
    names = ["first/3/mean/GlobalAveragePool", "first/3/excite/Conv", "first/3/fusion1_product0/Mul"]
    assert shift_max_layers(names) == {"first/3"}


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("act", "act"),
        ("act/maximum", "act"),
        ("net/act/fusion0_sum1/sum0_1", "net/act"),
        ("net/maximum/fusion0_mix", "net/maximum"),
        ("net/block", "net/block"),
    ],
)
def test_the_layer_of_an_activation_that_is_one_operator(name, layer):
    assert fused_layer(name) == layer


def test_the_innermost_layer_is_the_one_that_an_operator_stands_in():
    layers = {"a", "a/b"}
    assert layer_among(layers, "a/b/c/d") == "a/b"
    assert layer_among(layers, "a/c") == "a"
    assert layer_among(layers, "ab/c") is None


@pytest.mark.parametrize(
    ("layers", "start"),
    [
        (["features/a", "features/b", "classifier/c"], "features/"),
        (["net/a", "net/b", "net/c", "image"], "net/"),
        (["a/x", "b/x", "c/x"], ""),
        (["a/x", "a/y", "b/x", "b/y"], ""),
        (["conv", "act"], ""),
        ([], ""),
    ],
)
def test_what_most_names_begin_with(layers, start):
    assert common_start(layers) == start
