"""Which tensors an activation's kernel computes inside of it, whatever the network calls it."""

from collections import OrderedDict

import pytest
from lowering.networks import lively, shift_max, stem
from quantization.networks import images, quantized
from torch import nn

from micronet_edge.lowering import INTEGER, lower
from micronet_edge.lowering.ir.composite import regions
from micronet_edge.quantization.fuse_activations import with_fused_activations
from micronet_edge.quantization.quantized_tensors import tensor_name


class Excited(nn.Module):
    """Squeeze-and-excite, written as x * s."""

    def __init__(self, channels):
        super().__init__()
        self.mean, self.squeeze, self.squeezed = nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, 4, 1), nn.ReLU()
        self.excite, self.gate = nn.Conv2d(4, channels, 1), nn.Hardtanh(0.0, 1.0)

    def forward(self, x):
        return x * self.gate(self.excite(self.squeezed(self.squeeze(self.mean(x)))))


def form(**layers):
    network = lively(nn.Sequential(OrderedDict(first=stem(12), **layers))).eval()
    return quantized(lower(network, INTEGER, 8).network, given=images())


@pytest.mark.parametrize("name", ["act", "se", "mean", "features_block1_project_activation"])
@pytest.mark.parametrize(("shifts", "fusions"), [(1, 1), (2, 1), (2, 2)])
def test_all_but_the_result_of_an_activation_of_any_name(name, shifts, fusions):
    before = form(**{name: shift_max(12, 4, shifts, fusions)}, last=nn.Conv2d(12, 4, 1))
    fused = with_fused_activations(before).fused_layers
    (region,) = regions(before.network)
    assert set(fused) == {tensor_name(node) for node in region.nodes[:-1]}
    steps = {name for name, tensor in fused.items() if tensor.inverse_scale is not None}
    assert steps == {tensor_name(region.coefficient(*place)) for place in region.composite.places}
    assert len({fused[name].inverse_scale for name in steps}) == 1


def test_a_clip_behind_it_gives_the_result():
    before = form(act=shift_max(12, 4), clip=nn.ReLU6(), last=nn.Conv2d(12, 4, 1))
    (region,) = regions(before.network)
    fused = with_fused_activations(before).fused_layers
    assert {tensor_name(region.result), "clip"}.isdisjoint(fused)


def test_squeeze_and_excite_is_rounded_as_it_is_written():
    before = form(se=Excited(12), last=nn.Conv2d(12, 4, 1))
    assert with_fused_activations(before).fused_layers == {}
