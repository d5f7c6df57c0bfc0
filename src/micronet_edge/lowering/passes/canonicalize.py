"""Spells what users write out in the layers that passes and targets know."""

import inspect
import operator
from typing import Any

import torch
from torch import fx, nn
from torch.fx.node import map_aggregate

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.flat_outputs import depends_on_no_input, names_of_results
from micronet_edge.lowering.ir.graph import batch_axis, calls, module_of, results, shape_of
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.places import called, described
from micronet_edge.lowering.passes.spell_out_norms import spell_out_norms
from micronet_edge.lowering.vocabulary.constants import folded, is_constant
from micronet_edge.lowering.vocabulary.registry import VOCABULARY
from micronet_edge.lowering.vocabulary.writer import Writer

_STAYS = {operator.add, torch.add, operator.mul, torch.mul, torch.flatten, "flatten"}
"""Functions and methods that Decompose names after their block."""

_UNKNOWN = (
    "it is not among the layers that a file can hold: build it of convolutions, linear layers, pools, norms, "
    "activations, arithmetic, and changes of shape"
)


class Canonicalize(Pass):
    """Leaves nothing but canonical layers, sums and products of two tensors, and flattens.

    Given    layers of torch.nn, functions and methods of tensors, constants
    Result   the same numbers from the layers of torch.nn that compute one operator, and primitives

    What does nothing in inference is gone. `vocabulary` says how each is spelled.
    """

    def change(self, network: fx.GraphModule) -> int:
        spelled: dict[fx.Node, object] = {}
        for node in list(network.graph.nodes):
            if node.op == "placeholder":
                spelled[node] = node
            elif node.op == "get_attr":
                spelled[node] = network.get_buffer(str(node.target))
            elif node.op == "output":
                _check_outputs(network, spelled)
                node.args = (_replaced(node.args[0], spelled),)
            else:
                spelled[node] = _spelled(network, node, spelled)
        changed = [node for node, result in spelled.items() if result is not node]
        for node in reversed(changed):
            network.graph.erase_node(node)
        _drop_unread(network)
        spell_out_norms(network)
        return sum(node.op != "get_attr" for node in changed)

    def check_after(self, network: fx.GraphModule) -> None:
        for node in network.graph.nodes:
            if node.op == "get_attr" or (node.op.startswith("call_f") and node.target not in _STAYS):
                raise LoweringError(f"{node.name} is not spelled out")
        for node, _ in calls(network, nn.Dropout):
            raise LoweringError(f"{node.target} is still there")


def _check_outputs(network: fx.GraphModule, spelled: dict[fx.Node, object]) -> None:
    for place, node in enumerate(results(network)):
        if not isinstance(spelled[node], fx.Node):
            raise depends_on_no_input(names_of_results(network), place)


def _spelled(network: fx.GraphModule, node: fx.Node, spelled: dict[fx.Node, object]) -> object:
    args = tuple(_replaced(each, spelled) for each in node.args)
    kwargs = {key: _replaced(each, spelled) for key, each in node.kwargs.items()}
    layer, write = module_of(node), Writer(network, node)
    if called(node) == "getitem" and isinstance(args[0], tuple):
        return args[0][args[1]]
    if is_constant(node, args, kwargs):
        return folded(write, args, kwargs)
    if layer is not None and not type(layer).__module__.startswith("torch."):
        return write.keep(*args)
    spelling = VOCABULARY.spelling(node)
    if spelling is None:
        raise write.refusal(VOCABULARY.refusal(node) or _UNKNOWN)
    given = args if layer is None else (layer, *args)
    try:
        inspect.signature(spelling).bind(write, *given, **kwargs)
    except TypeError as error:
        raise LoweringError(f"{described(node)}: its arguments are not understood ({error})") from error
    result = spelling(write, *given, **kwargs)
    write.finish(result if isinstance(result, tuple) else (result,))
    if isinstance(result, fx.Node) and (shape_of(result), batch_axis(result)) != (write.shape, write.axis):
        raise write.refusal("it picks or mixes samples: a file computes every sample alike and by itself")
    return result


def _replaced(argument: Any, spelled: dict[fx.Node, object]) -> Any:  # noqa: ANN401 - arguments of any kind
    def replaced(each: Any) -> Any:  # noqa: ANN401
        return spelled[each] if isinstance(each, fx.Node) else each

    return map_aggregate(argument, replaced)


def _drop_unread(network: fx.GraphModule) -> None:
    for node in reversed(list(network.graph.nodes)):
        if node.op.startswith("call") and not node.users:
            network.graph.erase_node(node)
