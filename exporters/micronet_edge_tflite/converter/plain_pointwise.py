"""Products with a matrix of each image's own, as sums that a converter cannot misread."""

import copy

import torch
from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.graph import calls, finish, inputs_of, module_of
from micronet_edge.lowering.ir.primitives import DynamicPointwise, DynamicPointwiseWeight


class _SummedDynamicPointwise(nn.Module):
    """Every output channel as a sum of input channels, each times a coefficient of the image's own.

    Args: for each of J terms, the input channel that each output channel takes.
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
    """The network without such products; itself where it holds none.

    onnx2tf transposes by shape, and swaps the sides of a square matrix without a word.
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
