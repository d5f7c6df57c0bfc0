"""From a module to a graph of layers."""

import copy
from collections import Counter

import torch
from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.flat_outputs import flatten_outputs
from micronet_edge.lowering.ir.graph import finish, note_lengths
from micronet_edge.lowering.ir.hooks import check_hooks
from micronet_edge.lowering.ir.plain_copy import plain_copy
from micronet_edge.lowering.ir.probes import Probe, check_single, examples, repeated, shapes_text
from micronet_edge.lowering.ir.runs import check_repeats
from micronet_edge.lowering.ir.two_batches import FEW, MORE, to_one_sample
from micronet_edge.lowering.ir.valued_proxy import ValuedTracer

_RAISED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What forward raises on inputs that it does not take, and PyTorch on what it cannot trace."""


def trace(network: nn.Module, probe: Probe) -> fx.GraphModule:
    """Traces the network in inference mode into a graph of layers, with the shapes for one sample.

    Given    a network; the side of square images, or an example of each input
    Result   its graph: calls of layers, functions and methods; a tensor that depends on no input is a
             constant; one node for each output
    Raises   LoweringError on a network that does not take such inputs, whose forward depends on the numbers
             in them, that mixes samples, or whose layers have hooks.
    """
    inputs = examples(probe)
    check_single(inputs)
    frozen = plain_copy(network)
    check_hooks(frozen)
    with torch.no_grad():
        few, more = (_traced(network, frozen, inputs, samples) for samples in (FEW, MORE))
        try:
            to_one_sample(few, more)
        except LoweringError:
            check_repeats(plain_copy(network), repeated(inputs, FEW))
            raise
        _give_calls_their_own_layers(few)
        try:
            note_lengths(few, inputs)
        except RuntimeError:
            _check_takes(plain_copy(network), inputs)
            raise
        flatten_outputs(few)
        few.recompile()
    return few


def _traced(
    network: nn.Module, frozen: nn.Module, inputs: tuple[Tensor, ...], samples: int
) -> fx.GraphModule:
    name = type(network).__name__
    try:
        graph = ValuedTracer(repeated(inputs, samples)).trace(frozen)
    except LoweringError as error:
        raise LoweringError(f"{name} cannot be traced: {error}") from error
    except _RAISED as error:
        reason = _first_line(error)
        _check_takes(frozen, inputs)
        raise LoweringError(f"{name} cannot be traced: {reason}") from error
    return fx.GraphModule(frozen, graph, name)


def _check_takes(network: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Raises LoweringError, with the reason, where the network takes no such inputs, or but one sample."""
    for samples in (1, FEW):
        try:
            network(*repeated(inputs, samples))
        except _RAISED as error:
            what = (
                "one sample alone, not several" if samples > 1 else f"inputs of shape {shapes_text(inputs)}"
            )
            verb = "takes" if samples > 1 else "does not take"
            raise LoweringError(f"the network {verb} {what}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _give_calls_their_own_layers(network: fx.GraphModule) -> None:
    """Moves every called layer directly under the network, one copy per call, named by its path.

    So a pass can change one call without the others, and the exporter, which names a node by its chain of
    modules, gives it the whole path.
    """
    seen: Counter[str] = Counter()
    for node in network.graph.nodes:
        if node.op != "call_module":
            continue
        target = str(node.target)
        seen[target] += 1
        again = f"#{seen[target]}" if seen[target] > 1 else ""
        node.target = target.replace(".", "/") + again
        network.add_module(node.target, copy.deepcopy(network.get_submodule(target)))
    finish(network)
