"""Finds the layer and the purpose of an operator by the name of its output."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from micronet_edge.util.layer_names import fused_layer, layer_among, makes_coefficients, shift_max_layers
from micronet_edge_bench.results import Operator
from micronet_edge_bench.runner.runtimes.onnxruntime import FUSED


class Kind(StrEnum):
    """The purpose of an operator; the last four are for files without layer names."""

    STEM = "stem"
    POINTWISE = "pointwise convolution"
    DEPTHWISE = "depthwise convolution"
    COEFFICIENTS = "Dynamic Shift-Max: coefficients"
    APPLICATION = "Dynamic Shift-Max: application"
    FUSED = "Dynamic Shift-Max: fused"
    SHUFFLE = "channel shuffle"
    RESIDUAL = "residual"
    HEAD = "head"
    INPUT_OUTPUT = "input and output conversion"
    ROUNDING = "rounding between layers"
    LAYOUT = "layout changes of the runtime"
    OTHER = "other"
    CONVOLUTION = "convolutions and matrix products"
    ELEMENTWISE = "elementwise arithmetic"
    POOLING = "pooling"
    MOVING = "moving data"


@dataclass(frozen=True, slots=True)
class Place:
    """A layer, empty if the name does not identify it, and the operator's purpose in it."""

    layer: str
    kind: Kind


_BLOCK = re.compile(r"(features/block\d+)/(expand|depthwise|project)(_activation|_shuffle)?(?:/(.*))?$")
_STEM = re.compile(r"(features/stem|pixels/framed)(/|$)")
_HEAD = re.compile(r"(pool|classifier/\w+?|flatten|logits)(/|$|_)", re.IGNORECASE)
_INPUT_OUTPUT = re.compile(r"pixels|image|.*/float$|logits_(De)?[Qq]uantize", re.IGNORECASE)
_RESIDUAL = re.compile(r"(?:(features/block\d+)/)?(?:residual|Add)(?:_\d+)?(?:_output_\d+)?$")
# What ONNX Runtime adds to the names of a file.
_DECORATION = re.compile(r"^fused |(_token_\d+|_nchwc|_quant|/duplicated)+$")

_CONVOLUTIONS = {"expand": Kind.POINTWISE, "project": Kind.POINTWISE, "depthwise": Kind.DEPTHWISE}
_ROUNDING = frozenset({"QuantizeLinear", "DequantizeLinear", "QUANTIZE", "DEQUANTIZE"})
_LAYOUT = frozenset({"ReorderInput", "ReorderOutput", "Transpose"})

# In the network as trained, the coefficients are scaled before they are split, and only some are shifted, so
# additions before the first product with a feature map belong to them.
_TRAINED, _SCALED, _FIRST_PRODUCT, _ADDITION = "HardSigmoid", "Mul", "Mul_1", re.compile(r"Add(_\d+)?")


def places(operators: Sequence[Operator]) -> list[Place]:
    """The place of every operator, in order."""
    names = [_DECORATION.sub("", operator.output) for operator in operators]
    activations = shift_max_layers(names)
    inside: dict[str, list[str]] = {layer: [] for layer in activations}
    for name in names:
        layer = layer_among(activations, name)
        if layer is not None:
            inside[layer].append(_rest(name, layer))
    return [_place(operator, name, inside) for operator, name in zip(operators, names, strict=True)]


def kind_of_operator(operator: str) -> Kind:
    """The purpose of an operator whose name does not identify it, by its type."""
    plain = operator.replace("_", "").removeprefix("QLinear").removeprefix("Fused").lower()
    for kind, words in _BY_OPERATOR.items():
        if any(word in plain for word in words):
            return kind
    return Kind.OTHER


# The first match wins, so that a softmax is not a maximum.
_BY_OPERATOR = {
    Kind.OTHER: ("softmax",),
    Kind.LAYOUT: ("reorder",),
    Kind.ROUNDING: ("quantize", "cast"),
    Kind.POOLING: ("pool", "mean", "reduce"),
    Kind.CONVOLUTION: ("conv", "gemm", "matmul", "fullyconnected"),
    Kind.MOVING: ("reshape", "transpose", "slice", "split", "concat", "gather", "pad", "squeeze", "flatten"),
    Kind.ELEMENTWISE: (
        "add",
        "mul",
        "sub",
        "div",
        "max",
        "min",
        "relu",
        "clip",
        "swish",
        "sigmoid",
        "logistic",
    ),
}


def _place(operator: Operator, name: str, activations: Mapping[str, Sequence[str]]) -> Place:
    if operator.operator.startswith(FUSED):
        return Place(fused_layer(name), Kind.FUSED)
    layer = layer_among(activations, name)
    if layer is not None and operator.operator in _ROUNDING:
        return Place(layer, Kind.ROUNDING)
    if layer is not None:
        makes = _makes_factors(_rest(name, layer), activations[layer])
        return Place(layer, Kind.COEFFICIENTS if makes else Kind.APPLICATION)
    match = _BLOCK.match(name)
    return _elsewhere(operator, name) if match is None else _in_block(operator, match)


def _in_block(operator: Operator, match: re.Match[str]) -> Place:
    layer, part, role = f"{match[1]}/{match[2]}{match[3] or ''}", match[2], match[3]
    if operator.operator in _ROUNDING:
        return Place(layer, Kind.ROUNDING)
    return Place(layer, Kind.SHUFFLE if role == "_shuffle" else _CONVOLUTIONS[part])


def _makes_factors(rest: str, inside: Collection[str]) -> bool:
    """Whether this operator of a Dynamic Shift-Max computes the coefficients; otherwise it applies them."""
    steps = [_step(name) for name in inside]
    if _TRAINED in steps and _FIRST_PRODUCT in steps:
        factors = steps[: steps.index(_FIRST_PRODUCT)]
        if _step(rest) == _SCALED or (_ADDITION.fullmatch(_step(rest)) and _step(rest) in factors):
            return True
        if _ADDITION.fullmatch(_step(rest)):
            return False
    return makes_coefficients(rest)


def _elsewhere(operator: Operator, name: str) -> Place:
    if operator.operator in _LAYOUT and "/" not in name:
        return Place("", Kind.LAYOUT)
    for pattern, kind in ((_STEM, Kind.STEM), (_INPUT_OUTPUT, Kind.INPUT_OUTPUT), (_HEAD, Kind.HEAD)):
        match = pattern.match(name)
        if match:
            rounding = operator.operator in _ROUNDING and kind is not Kind.INPUT_OUTPUT
            return Place(
                match[1] if match.groups() and match[1] else name, Kind.ROUNDING if rounding else kind
            )
    match = _RESIDUAL.match(name)
    if match:
        return Place(f"{match[1]}/residual" if match[1] else "residual", Kind.RESIDUAL)
    return Place("", Kind.ROUNDING if operator.operator in _ROUNDING else Kind.OTHER)


def _rest(name: str, layer: str) -> str:
    return name.removeprefix(layer).removeprefix("/")


def _step(rest: str) -> str:
    """The operator's part of an output name, such as `Mul_1` of `Mul_1_output_0`."""
    return re.sub(r"_output_\d+$", "", rest.partition("/")[0])
