"""Keeps the tensors between layers of one axis as maps of height 1."""

import operator
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import batch_axis, module_of, only_input, replace_module, shape_of
from micronet_edge.lowering.ir.graph_builder import LayerWriter, layer_of, unused
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.lowering.ir.primitives import (
    Absolute,
    Add,
    AddConstant,
    Concatenate,
    Constant,
    Divide,
    Exponential,
    Logarithm,
    Maximum,
    MaximumConstant,
    Minimum,
    MinimumConstant,
    Multiply,
    MultiplyConstant,
    Pad,
    Reshape,
    Slice,
    SquareRoot,
    Subtract,
)

_FUNCTIONS = {operator.add, torch.add, operator.mul, torch.mul}
_ELEMENTWISE = (
    *(nn.ReLU, nn.Hardtanh, nn.LeakyReLU, nn.ELU, nn.SiLU, nn.GELU, nn.Hardswish, nn.Hardsigmoid),
    *(nn.Sigmoid, nn.Tanh, nn.Mish, nn.Softplus, Absolute, SquareRoot, Exponential, Logarithm),
    *(Add, Subtract, Multiply, Divide, Maximum, Minimum),
)
_CONSTANTS = AddConstant, MultiplyConstant, MaximumConstant, MinimumConstant
_RANK, _HEIGHT = 3, 2
"""That of [n, c, l], and where the height of a map stands."""


class KeepMaps(Pass):
    """Computes what stands between layers of maps on maps as well, where that saves reshapes.

    Given    map [n, c, 1, l] -> Reshape -> elementwise layers, Pad, Slice, Concatenate of [n, c, l]
             -> Reshape -> map
    Result   the same layers of [n, c, 1, l], and a Reshape only where others read or give [n, c, l]
    """

    def change(self, network: fx.GraphModule) -> int:
        found = _saving(network)
        for region in found:
            _convert(network, region)
        return len(found)

    def check_after(self, network: fx.GraphModule) -> None:
        for region in _saving(network):
            raise LoweringError(f"{next(iter(region.nodes)).name} could still be computed on maps")


@dataclass(frozen=True, slots=True)
class _Region:
    """Layers of [n, c, l] that read one another, what they read, and what reads them."""

    nodes: tuple[fx.Node, ...]

    @property
    def sources(self) -> list[fx.Node]:
        """The tensors from outside."""
        read = dict.fromkeys(each for node in self.nodes for each in node.all_input_nodes)
        return [each for each in read if each not in self.nodes]

    @property
    def saved(self) -> int:
        """The reshapes that are no longer needed, less those that are needed then."""
        inner, saved = set(self.nodes), 0
        for source in self.sources:
            saved += int(set(source.users) <= inner) if _is_flat(source) else -1
        for node in self.nodes:
            outside = [user for user in node.users if user not in inner]
            saved += sum(map(_is_map, outside)) - (not all(map(_is_map, outside)))
        return saved


def _saving(network: fx.GraphModule) -> list[_Region]:
    seen: set[fx.Node] = set()
    regions = []
    for node in network.graph.nodes:
        if node not in seen and _fits(node):
            regions.append(_region(node))
            seen.update(regions[-1].nodes)
    return [region for region in regions if region.saved > 0]


def _region(start: fx.Node) -> _Region:
    found, waiting = {start}, [start]
    while waiting:
        node = waiting.pop()
        for each in (*node.all_input_nodes, *node.users):
            if each not in found and _fits(each):
                found.add(each)
                waiting.append(each)
    return _Region(tuple(node for node in start.graph.nodes if node in found))


def _fits(node: fx.Node) -> bool:
    """Whether the layer computes the same on maps of height 1."""
    layer = module_of(node)
    if node.op == "call_function":
        known = node.target in _FUNCTIONS and not node.kwargs and len(node.all_input_nodes) > 0
    else:
        known = isinstance(layer, (*_ELEMENTWISE, *_CONSTANTS, Pad, Slice, Concatenate))
    return known and all(_is_sequence(each) for each in (node, *node.all_input_nodes))


def _is_sequence(node: fx.Node) -> bool:
    return len(shape_of(node)) == _RANK and batch_axis(node) == 0


def _is_flat(node: fx.Node) -> bool:
    """Whether the node makes a sequence of a map of height 1."""
    return isinstance(module_of(node), Reshape) and _is_sequence(node) and _spread(only_input(node), node)


def _is_map(node: fx.Node) -> bool:
    """Whether the node makes a map of height 1 of a sequence."""
    flattens = isinstance(module_of(node), Reshape) and _is_sequence(only_input(node))
    return flattens and _spread(node, only_input(node))


def _spread(wide: fx.Node, sequence: fx.Node) -> bool:
    n, c, length = shape_of(sequence)
    return shape_of(wide) == (n, c, 1, length) and batch_axis(wide) == 0


def _convert(network: fx.GraphModule, region: _Region) -> None:
    inner = set(region.nodes)
    shapes = {node: shape_of(node) for node in (*region.nodes, *region.sources)}
    outside = {node: [user for user in node.users if user not in inner] for node in region.nodes}
    for source in region.sources:
        _, c, length = shapes[source]
        reader = next(node for node in region.nodes if source in node.all_input_nodes)
        wide = only_input(source) if _is_flat(source) else None
        if wide is None:
            wide = _reshape(network, reader, f"{layer_of(reader)}/map", source, (-1, c, 1, length))
        source.replace_all_uses_with(wide, delete_user_cb=inner.__contains__)
    for node, readers in outside.items():
        maps = [reader for reader in readers if _is_map(reader)]
        for reader in maps:
            reader.replace_all_uses_with(node)
            network.graph.erase_node(reader)
        others = [reader for reader in readers if reader not in maps]
        if others:
            _, c, length = shapes[node]
            flat = _reshape(network, node.next, f"{node.name}/sequence", node, (-1, c, length))
            node.replace_all_uses_with(flat, delete_user_cb=others.__contains__)
    for node in region.nodes:
        layer = module_of(node)
        if layer is not None:
            replace_module(network, node, _on_maps(layer))
    network.graph.eliminate_dead_code()


def _reshape(
    network: fx.GraphModule, before: fx.Node, name: str, x: fx.Node, shape: tuple[int, ...]
) -> fx.Node:
    return LayerWriter(network, before, layer_of(before))(unused(network, name), Reshape(shape), x)


def _on_maps(layer: nn.Module) -> nn.Module:
    """The layer, where its tensors have a height of 1 more."""
    axis: Callable[[int], int] = lambda place: place + (place >= _HEIGHT)  # noqa: E731
    match layer:
        case Pad():
            return Pad((*layer.sides[:_HEIGHT], (0, 0), *layer.sides[_HEIGHT:]), layer.value)
        case Slice():
            return Slice(axis(layer.axis), layer.start, layer.stop, layer.step)
        case Concatenate():
            return Concatenate(axis(layer.axis))
        case Constant() if layer.constant.ndim > 1:
            return type(layer)(layer.constant.unsqueeze(-2))
        case _:
            return layer
