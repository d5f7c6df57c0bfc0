"""Spells networks out: nothing but canonical layers is left, and the numbers are the same."""

import operator

import torch
from torch import Tensor, fx, nn

from micronet_edge.lowering import lower
from micronet_edge.lowering.ir import primitives
from micronet_edge.lowering.ir.graph import batch_axis, module_of, shape_of
from micronet_edge.lowering.ir.probes import repeated
from micronet_edge.lowering.ir.runs import tensors_in
from micronet_edge.lowering.passes.canonicalize import Canonicalize
from micronet_edge.models import ChannelShuffle, DynamicShiftMax

# Float64: sums of a few hundred terms in another order.
SAME = 1e-10

CANONICAL = (
    *(nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d),
    *(nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.ReLU, nn.Hardtanh, nn.LeakyReLU, nn.PReLU, nn.ELU),
    *(nn.SiLU, nn.GELU, nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.Tanh, nn.Mish, nn.Softplus, nn.Softmax),
    *(nn.Flatten, nn.PixelShuffle, nn.PixelUnshuffle, DynamicShiftMax, ChannelShuffle),
    *(getattr(primitives, name) for name in primitives.__all__),
)
STAYS = {operator.add, torch.add, operator.mul, torch.mul, torch.flatten, "flatten"}


class Calls(nn.Module):
    """A network of one function, with layers that it is given."""

    def __init__(self, function, *layers):
        super().__init__()
        self.function, self.layers = function, nn.ModuleList(layers)

    def forward(self, *inputs):
        return self.function(*inputs, *self.layers)


def assert_spelled(network: nn.Module, *shapes: tuple[int, ...]) -> list[str]:
    """The kinds of the layers that are left; the numbers are the same for 1, 2 and 3 samples."""
    lively(network)
    examples = tuple(torch.randn(1, *shape, generator=_noise(), dtype=torch.float64) for shape in shapes)
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        lowered = lower(network.double().eval(), (Canonicalize(),), examples).network
    finally:
        torch.set_default_dtype(default)
    for samples in (1, 2, 3):
        assert_same_numbers(network, lowered, repeated(examples, samples))
    assert_axes(lowered, examples)
    return kinds(lowered)


def assert_same_numbers(network: nn.Module, lowered: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    with torch.no_grad():
        expected, found = (tensors_in(each(*inputs)) for each in (network, lowered))
    assert [each.shape for each in found] == [each.shape for each in expected]
    for theirs, ours in zip(expected, found, strict=True):
        assert (ours - theirs).abs().max() <= SAME * theirs.abs().max()


def assert_axes(lowered: fx.GraphModule, examples: tuple[Tensor, ...]) -> None:
    """What nodes know of their shapes and of the samples' axis is so."""
    found = {}

    class Shapes(fx.Interpreter):
        def run_node(self, n):
            found[n] = super().run_node(n)
            return found[n]

    Shapes(lowered).run(*repeated(examples, 3))
    for node, value in found.items():
        if node.op != "output":
            axis = batch_axis(node)
            assert axis is not None
            assert value.shape[axis] == 3 * shape_of(node)[axis]
            assert [*value.shape[:axis], *value.shape[axis + 1 :]] == [
                *shape_of(node)[:axis],
                *shape_of(node)[axis + 1 :],
            ]


def kinds(lowered: fx.GraphModule) -> list[str]:
    """What the graph calls. Fails where something is no canonical layer."""
    names = []
    for node in lowered.graph.nodes:
        if node.op in {"placeholder", "output"}:
            continue
        layer = module_of(node)
        assert isinstance(layer, CANONICAL) if layer is not None else node.target in STAYS, node.format_node()
        assert all(isinstance(each, fx.Node) for each in node.args) or layer is None
        names.append(type(layer).__name__ if layer is not None else str(node.name).rstrip("_0123456789"))
    return names


def lively(network: nn.Module) -> None:
    """Weights and statistics under which every number matters."""
    noise = _noise()
    with torch.no_grad():
        for values in network.parameters():
            values.copy_(0.4 * torch.randn(values.shape, generator=noise))
        for name, values in network.named_buffers():
            if name.endswith("running_mean"):
                values.copy_(torch.randn(values.shape, generator=noise))
            if name.endswith("running_var"):
                values.copy_(0.5 + torch.rand(values.shape, generator=noise))


def _noise() -> torch.Generator:
    return torch.Generator().manual_seed(5)
