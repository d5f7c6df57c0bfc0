"""A pass of a quantized network keeps its quantization parameters, and in float what was in float."""

from dataclasses import replace

import torch
from lowering.networks import difference
from quantization.networks import SIZE, images, quantized, traced
from torch import nn

from micronet_edge.lowering.ir.graph_builder import LAYER
from micronet_edge.lowering.ir.primitives import AddConstant
from micronet_edge.quantization.rewrite_quantized import rewritten
from micronet_edge.quantization.simulate import Simulation
from micronet_edge_tflite.passes.split_borders import SplitBorders

SPLIT = SplitBorders(numbers_that_pay=0)


def bordered(*clip):
    constant = torch.zeros(1, 4, 1, SIZE)
    constant[..., 0], constant[..., -1] = -0.5, 0.25
    network = traced(nn.Conv2d(3, 4, 3, padding=1), AddConstant(constant), *clip, nn.Conv2d(4, 2, 1))
    conv, correction = list(network.graph.nodes)[1:3]
    correction.meta[LAYER] = conv.target  # as where the two are decomposed of one layer
    return quantized(network)


def test_the_function_is_the_same_and_every_tensor_has_qparams():
    for before in (bordered(), bordered(nn.ReLU6())):
        form = rewritten(before, SPLIT)
        assert difference(before.network, form.network, images(8)) < 1e-5
        layers = [node for node in form.network.graph.nodes if node.op == "call_module"]
        assert all(form.qparams(node).bits == 8 for node in layers)


def test_parts_have_the_qparams_of_the_whole():
    before = bordered(nn.ReLU6())
    form = rewritten(before, SPLIT)
    parts = {name: qparams for name, qparams in form.tensor_qparams.items() if name.startswith("1/")}
    read = {name for name in parts if name.endswith("read")}
    assert len(read) == 2
    assert {parts[name] for name in read} == {before.tensor_qparams["image"]}
    assert {qparams for name, qparams in parts.items() if name not in read} == {before.tensor_qparams["2"]}


def test_a_rounding_less_is_closer_to_float():
    before = bordered()
    form, given = rewritten(before, SPLIT), images(16)
    with torch.no_grad():
        exact = before.network.get_submodule("1")(before.network.get_submodule("0")(given))
        whole, apart = (
            {str(node.target): value for node, value in Simulation(each).tensors(given)}
            for each in (before, form)
        )
    noise, less = ((found - exact).square().mean() for found in (whole["1"], apart["1/joined"]))
    assert less < 0.95 * noise


def test_what_was_in_float_stays_in_float():
    before = replace(bordered(nn.ReLU6()), float_layers=frozenset({"0", "1", "2"}))
    form = rewritten(before, SPLIT)
    new = [node for node in form.network.graph.nodes if str(node.target).startswith("1/")]
    assert new
    assert not any(map(form.is_integer, new))
    with torch.no_grad():
        torch.testing.assert_close(Simulation(form)(images(4)), Simulation(before)(images(4)))


def test_where_nothing_matches_nothing_changes():
    before = quantized(traced(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 2, 1)))
    form = rewritten(before, SPLIT)
    assert (form.tensor_qparams, form.float_layers) == (before.tensor_qparams, before.float_layers)
