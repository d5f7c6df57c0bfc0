"""Norms, quotients and masks stay in float32 as a whole, and only they."""

import torch
from quantization.networks import graph_of
from torch import nn

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering.ir import primitives as p
from micronet_edge.lowering.ir.graph_builder import LAYER
from micronet_edge.quantization.assign_qparams import assign_qparams
from micronet_edge.quantization.calibrate import calibrate
from micronet_edge.quantization.float_regions import float_operators, notes_on_float_operators
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.simulate import Simulation

GIVEN = torch.randn(40, 6, 4, 4, generator=torch.Generator().manual_seed(0))


class Norm(nn.Module):
    """A norm over channels between two convolutions, in layers of one operator each."""

    def __init__(self, *, divides):
        super().__init__()
        torch.manual_seed(0)
        self.before, self.after = nn.Conv2d(6, 8, 1), nn.Conv2d(8, 4, 1)
        self.mean, self.centred = p.Mean((1,), keeps_axes=True), p.Subtract()
        self.square, self.variance = p.Multiply(), p.Mean((1,), keeps_axes=True)
        self.lifted = p.AddConstant(torch.tensor(1e-5))
        self.root = p.SquareRoot() if divides else p.ReciprocalSquareRoot()
        self.normed = p.Divide() if divides else p.Multiply()
        self.scaled, self.moved = p.MultiplyConstant(torch.ones(8, 1, 1)), p.AddConstant(torch.ones(8, 1, 1))
        self.clip = nn.ReLU()

    def forward(self, x):
        y = self.before(x)
        centred = self.centred(y, self.mean(y))
        root = self.root(self.lifted(self.variance(self.square(centred, centred))))
        return self.after(self.clip(self.moved(self.scaled(self.normed(centred, root)))))


INSIDE = ("mean", "centred", "square", "variance", "lifted", "root", "normed")
BEHIND = ("scaled", "moved", "clip")


def norm(*, divides, composite):
    """The norm, as a user writes it by hand or as a part of one layer."""
    network = graph_of(Norm(divides=divides), GIVEN[:1])
    if composite:
        for node in network.graph.nodes:
            if node.target in (*INSIDE, "scaled", "moved"):
                node.meta[LAYER] = "norm"
    return network


def test_a_norm_that_is_a_layer_stays_in_float_with_its_clip():
    network = norm(divides=False, composite=True)
    assert float_operators(network) == (*INSIDE, *BEHIND)
    (note,) = notes_on_float_operators(network)
    assert note.startswith("norm: stay in float32")


def test_of_a_norm_by_hand_what_leads_to_the_quotient_stays_in_float():
    assert float_operators(norm(divides=True, composite=False)) == INSIDE


def test_of_a_norm_by_hand_the_product_with_a_reciprocal_stays_in_float():
    assert float_operators(norm(divides=False, composite=False)) == INSIDE


def error(network, kept):
    ranges = calibrate(network, GIVEN, 100.0)
    tensor_qparams = assign_qparams(network, ranges, 8)
    found = QuantizedNetwork(
        network, Preprocessing.imagenet(32), tensor_qparams, frozenset(kept), takes_images=False
    )
    with torch.no_grad():
        exact, rounded = network(GIVEN), Simulation(found)(GIVEN)
    return float((rounded - exact).square().sum() / exact.square().sum())


def test_the_region_is_worth_it():
    """Samples of very different sizes, whose variances span too many orders of magnitude for 8 bits."""
    network = norm(divides=False, composite=False)
    with torch.no_grad():
        network.get_submodule("before").weight.mul_(torch.logspace(-2, 1, 6).view(1, -1, 1, 1))
        network.get_submodule("before").bias.zero_()
    assert error(network, float_operators(network)) < error(network, ()) / 5


def test_an_ordinary_network_has_none():
    network = graph_of(
        nn.Sequential(nn.Conv2d(6, 8, 1), nn.Sigmoid(), p.Mean((2, 3), keeps_axes=False)), GIVEN
    )
    assert float_operators(network) == ()
    assert notes_on_float_operators(network) == ()


def test_a_mask_and_its_softmax_stay_in_float():
    mask = torch.zeros(4, 4).masked_fill(torch.ones(4, 4).triu(1).bool(), float("-inf"))
    network = graph_of(
        nn.Sequential(p.AddConstant(mask), p.Reshape((-1, 24, 4)), nn.Softmax(2), nn.Linear(4, 3)), GIVEN
    )
    assert float_operators(network) == ("0", "1", "2")
    ranges = calibrate(network, GIVEN, 100.0)
    assert all(abs(end) < 10 for span in ranges.values() for end in span)
    assert error(network, float_operators(network)) < 1e-3


def test_a_small_constant_is_no_mask():
    network = graph_of(nn.Sequential(p.AddConstant(torch.full((4, 4), -9.0)), nn.Softmax(3)), GIVEN)
    assert float_operators(network) == ()
