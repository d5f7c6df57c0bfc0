"""Replaces dynamic pointwise convolutions by sums that the converter cannot misread."""

import copy

import torch
from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.graph import calls, finish, inputs_of, module_of
from micronet_edge.lowering.ir.primitives import DynamicPointwise, DynamicPointwiseWeight


class _SummedDynamicPointwise(nn.Module):
    """Every output channel as a sum of input channels, each times a dynamic coefficient.

    Args:
        sources: For each of J terms, the input channel of each output channel.
    """

    def __init__(self, sources: tuple[tuple[int, ...], ...]) -> None:
        super().__init__()
        self.register_buffer("sources", torch.tensor(sources))
        self.sources: Tensor

    def forward(self, x: Tensor, *coefficients: Tensor) -> Tensor:
        terms = [
            torch.index_select(x, 1, source) * coefficient
            for source, coefficient in zip(self.sources, coefficients, strict=True)
        ]
        total, *rest = terms
        for term in rest:
            total = total + term
        return total


def with_plain_pointwise(network: nn.Module) -> nn.Module:
    """A copy of the network without dynamic pointwise convolutions; the network itself where it has none.

    onnx2tf transposes by shape, and transposes a square weight silently.
    """
    if not isinstance(network, fx.GraphModule) or not list(calls(network, DynamicPointwise)):
        return network
    plain = copy.deepcopy(network)
    for node, _ in calls(plain, DynamicPointwise):
        x, matrix = inputs_of(node)
        layer = module_of(matrix)
        assert isinstance(layer, DynamicPointwiseWeight)
        plain.set_submodule(str(node.target), _SummedDynamicPointwise(layer.sources))
        node.args = (x, *matrix.args)
    plain.graph.eliminate_dead_code()
    finish(plain)
    return plain
