"""Small networks to lower, and what a test asks of the lowered ones."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from math import prod

import torch
from costs import XNNPACK_COSTS
from hypothesis import strategies as st
from reference.authors import weights
from torch import Tensor, fx, nn

from micronet_edge.lowering import Applied, Pass, apply
from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.lowering.ir.pass_base import probe_image
from micronet_edge.lowering.ir.trace import trace
from micronet_edge.models import (
    ChannelShuffle,
    DynamicShiftMax,
    FactorizedStem,
    GroupedPointwise,
    MicroFactorizedDepthwise,
    MicroFactorizedPointwise,
    MicroNet,
)
from micronet_edge.models.authors_names import authors_names
from micronet_edge.models.random_weights import random_network

# A pass of one or two layers: float32 sums of at most a few hundred terms in another order.
# A wrong channel, border or coefficient gives above 1e-2.
TOLERANCE = 1e-5

# Costs under which the outcome is plain: work is free, so that nothing is grouped; no copy is worth
# its price, so that every shift gets its best order; groups are worth any copy.
FREE_WORK = replace(XNNPACK_COSTS, fusion_ns=0.0, dense_madd_ns=0.0, grouped_output_ns=1.0)
NO_COPIES = replace(XNNPACK_COSTS, fusion_ns=0.0, dense_madd_ns=1e-9, segment_ns=1e6)
KEEP_GROUPS = replace(
    XNNPACK_COSTS,
    fusion_ns=0.0,
    dense_madd_ns=1e6,
    grouped_output_ns=0.0,
    grouped_pointwise_madd_ns=0.0,
    grouped_window_madd_ns=0.0,
    segment_ns=1.0,
)


class ReadTwice(nn.Module):
    """What the activation reads, the sum reads too: its producer must stay as it is."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.activation = stem(6), shift_max(6, 3)

    def forward(self, x):
        y = self.conv(x)
        return y + self.activation(y)


class Residual(nn.Module):
    """x + body(x)."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x):
        return x + self.body(x)


class Outputs(nn.Module):
    """All the stages' feature maps, in the container that `pack` makes of the list."""

    def __init__(self, *stages: nn.Module, pack: Callable[[list[Tensor]], object] = list) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.pack = pack

    def forward(self, x):
        outputs = []
        for stage in self.stages:
            x = stage(x)
            outputs.append(x)
        return self.pack(outputs)


def lively(network: nn.Module, seed: int = 0) -> nn.Module:
    """The network in inference mode, with weights under which every layer, bias and border matters."""
    generator = torch.Generator().manual_seed(seed)

    def normal(shape: Iterable[int], std: float) -> Tensor:
        return std * torch.randn(tuple(shape), generator=generator)

    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                fan_in = prod(module.weight.shape[1:])
                module.weight.copy_(normal(module.weight.shape, (1.5 / fan_in) ** 0.5))
                if module.bias is not None:
                    module.bias.copy_(normal(module.bias.shape, 0.5))
            if isinstance(module, nn.PReLU):
                module.weight.copy_(normal(module.weight.shape, 1.0))
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                _lively_norm(module, normal)
        for module in network.modules():
            if isinstance(module, DynamicShiftMax):
                module.excite.weight.mul_(4)  # so that some of the hard sigmoids saturate
    return network.eval()


def _lively_norm(norm: nn.BatchNorm1d | nn.BatchNorm2d, normal: Callable[..., Tensor]) -> None:
    if norm.affine:
        norm.weight.copy_(1 + normal(norm.weight.shape, 0.2))
        norm.bias.copy_(normal(norm.bias.shape, 0.5))
    if norm.running_mean is not None:
        norm.running_mean.copy_(normal(norm.running_mean.shape, 0.3))
        norm.running_var.copy_(0.5 + normal(norm.running_var.shape, 0.5).abs())


@cache
def reference_network(variant: str, classes: int = 5) -> MicroNet:
    """The variant with the reference weights; its logits hardly depend on the image."""
    names = authors_names(variant)
    network = MicroNet(variant, classes)
    theirs = weights(variant, classes, seed=7)
    network.load_state_dict({names[name]: value for name, value in theirs.items()})
    return network.eval()


@cache
def micronet(variant: str, classes: int = 5) -> MicroNet:
    """The variant with weights under which the image matters.

    The reference weights with smaller variances will not do: there float32 itself is off by up to 1e-1.
    """
    return random_network(variant, classes, images(96, batch=8))


def stem(channels: int, size: int = 1) -> nn.Conv2d:
    """From an image to that many channels."""
    return nn.Conv2d(3, channels, size, padding=size // 2)


def shift_max(channels: int, groups: int, shifts: int = 2, fusions: int = 2) -> DynamicShiftMax:
    """With initial coefficients that all differ."""
    initial = [[1.0 - 0.5 * j + 0.25 * k for j in range(shifts)] for k in range(fusions)]
    return DynamicShiftMax(channels, groups, shifts=shifts, fusions=fusions, initial=initial)


def traced(*layers: nn.Module, size: int = 8) -> fx.GraphModule:
    """The layers one behind the other, with lively weights, as a graph."""
    network = layers[0] if len(layers) == 1 else nn.Sequential(*layers)
    return trace(lively(network), size)


def rewritten(pass_: Pass, network: fx.GraphModule, size: int = 8) -> tuple[fx.GraphModule, Applied]:
    """The network rewritten, shown to compute the same on images and batches other than the probe's."""
    result, applied = apply(pass_, network, probe_image(size))
    assert difference(network, result, images(size)) <= TOLERANCE
    return result, applied


def images(size: int, batch: int = 2) -> Tensor:
    """Images that are not those on which the contract checks itself."""
    return torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(99))


def difference(before: nn.Module, after: nn.Module, batch: Tensor) -> float:
    """Largest difference between the outputs, relative to each output's largest value."""
    with torch.no_grad():
        expected, found = tensors(before(batch)), tensors(after(batch))
    assert [tensor.shape for tensor in found] == [tensor.shape for tensor in expected]
    ratios = [
        (theirs - ours).abs().max() / ours.abs().max().clamp_min(1e-30)
        for ours, theirs in zip(expected, found, strict=True)
    ]
    return float(torch.stack(ratios).max())


def tensors(output: object) -> list[Tensor]:
    """The tensors of a network's output, in order."""
    if isinstance(output, Tensor):
        return [output]
    assert isinstance(output, list | tuple | dict)
    items = output.values() if isinstance(output, dict) else output
    return [tensor for item in items for tensor in tensors(item)]


def operators(network: fx.GraphModule) -> list[str]:
    """What the graph calls, in order: the kinds of its layers and the names of its functions."""
    names = []
    for node in network.graph.nodes:
        module = module_of(node)
        if module is not None:
            names.append(type(module).__name__)
        elif node.op in ("call_function", "call_method"):
            names.append(getattr(node.target, "__name__", str(node.target)))
    return names


def count(network: fx.GraphModule, kind: str) -> int:
    """How many calls of that operator the graph makes."""
    return Counter(operators(network))[kind]


def layer(network: fx.GraphModule, kind: type[nn.Module], number: int = 0) -> nn.Module:
    """The called layer of that kind, the first unless told otherwise."""
    called = [module_of(node) for node in network.graph.nodes]
    return [module for module in called if isinstance(module, kind)][number]


def assert_untouched(pass_: Pass, network: fx.GraphModule, size: int = 8) -> None:
    """Nothing matches: same operators, same weights."""
    result, applied = rewritten(pass_, network, size)
    assert applied.places == 0
    assert_same(result, network)


def assert_once_is_enough(pass_: Pass, once: fx.GraphModule, size: int = 8) -> None:
    """A second application changes no operator and no weight."""
    twice, applied = rewritten(pass_, once, size)
    assert applied.places == 0
    assert_same(twice, once)


def assert_same(found: fx.GraphModule, expected: fx.GraphModule) -> None:
    """The same operators with the same weights."""
    assert operators(found) == operators(expected)
    state, other = found.state_dict(), expected.state_dict()
    assert list(state) == list(other)
    assert all(torch.equal(value, other[name]) for name, value in state.items())


def divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


@st.composite
def random_networks(draw, most: int = 5):
    """A stack of this package's layers, and some of torch's, on images; one or several feature maps out."""
    torch.manual_seed(0)
    stages, channels = [], draw(st.sampled_from([2, 3, 4, 6, 8, 12]))
    if draw(st.booleans()):
        groups = draw(st.tuples(st.integers(1, 4), st.integers(1, 3)))
        kernel_size, stride = draw(st.sampled_from([3, 5])), draw(st.integers(1, 2))
        stages.append(FactorizedStem(3, groups, kernel_size=kernel_size, stride=stride))
        channels = prod(groups)
    else:
        stages.append(stem(channels))
    for _ in range(draw(st.integers(1, most))):
        stage, channels = draw(_stages(channels))
        stages.append(stage)
    if draw(st.booleans()):
        head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 4), nn.BatchNorm1d(4))
        stages.append(head)
    several = draw(st.booleans())
    network = Outputs(*stages) if several else nn.Sequential(*stages)
    return lively(network, draw(st.integers(0, 2**16)))


@st.composite
def _stages(draw, channels: int):
    if draw(st.integers(0, 4)) == 0:
        return Residual(*draw(st.lists(_keeping_layers(channels), min_size=1, max_size=3))), channels
    if draw(st.integers(0, 2)) == 0:
        return draw(_keeping_layers(channels)), channels
    return draw(_changing_layers(channels))


@st.composite
def _keeping_layers(draw, channels: int):
    """A layer whose output has its input's shape."""
    groups = draw(st.sampled_from(divisors(channels)))
    activation = shift_max(channels, groups, draw(st.integers(1, 4)), draw(st.integers(1, 3)))
    usual = [
        activation,
        activation,
        ChannelShuffle(groups),
        ChannelShuffle(groups),
        GroupedPointwise(channels, channels, groups),
        MicroFactorizedDepthwise(channels, draw(st.sampled_from([3, 5]))),
        nn.Conv2d(channels, channels, 3, padding=1, groups=channels),
    ]
    rare = [
        nn.ReLU(),
        nn.ReLU6(),
        nn.Hardswish(),
        nn.Dropout(),
        nn.Identity(),
        nn.PReLU(channels),
        nn.BatchNorm2d(channels),
        nn.MaxPool2d(1),
    ]
    return draw(st.sampled_from(usual if draw(st.integers(0, 3)) else rare))


@st.composite
def _changing_layers(draw, channels: int):
    """A layer, and the channels that leave it."""
    groups = draw(st.sampled_from(divisors(channels)))
    match draw(st.integers(0, 3)):
        case 0:
            wide = groups * draw(st.integers(1, max(1, 24 // groups)))
            return GroupedPointwise(channels, wide, groups), wide
        case 1:
            expansion = draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
            wide = channels * prod(expansion)
            if wide > 32:
                expansion, wide = (1, 1), channels
            kernel_size, stride = draw(st.sampled_from([3, 5])), draw(st.integers(1, 2))
            return MicroFactorizedDepthwise(channels, kernel_size, stride=stride, expansion=expansion), wide
        case 2:
            expand_groups = draw(st.integers(1, 4))
            hidden = groups * expand_groups
            wide = expand_groups * draw(st.integers(1, 4))
            return MicroFactorizedPointwise(channels, hidden, wide, (groups, expand_groups)), wide
        case _:
            return nn.MaxPool2d(3, stride=2, padding=1), channels
