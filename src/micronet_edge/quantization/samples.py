"""What a network is quantized on: samples of every input, and what it gives for them."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, fx

from micronet_edge.lowering.ir.graph import inputs, results

Given = Tensor | tuple[Tensor, ...]
"""What a network takes or gives: the only input or output, or several in order."""

Inputs = tuple[Tensor, ...]
"""One tensor [n, ...] for each input of a network, in the order of its arguments."""


def as_inputs(given: Given) -> Inputs:
    """The tensors by themselves; one tensor stands for a network of one input or output."""
    return (given,) if isinstance(given, Tensor) else tuple(given)


def count_of(given: Given) -> int:
    """The number of samples."""
    return len(as_inputs(given)[0])


def in_batches(given: Given, most: int) -> Iterator[Inputs]:
    """The samples, at most so many at a time."""
    return zip(*(torch.split(each, most) for each in as_inputs(given)), strict=True)


def by_input(network: fx.GraphModule, given: Inputs) -> dict[fx.Node, Tensor]:
    """The samples by the node of their input."""
    return dict(zip(inputs(network), given, strict=True))


def outputs_of(network: fx.GraphModule, values: Mapping[fx.Node, Tensor]) -> Inputs:
    """The network's outputs among the values of its nodes."""
    return tuple(values[node] for node in results(network))
