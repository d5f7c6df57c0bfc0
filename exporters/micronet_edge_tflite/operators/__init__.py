"""The operators of TFLite files, one file each: the layers it writes, what it computes, where it is allowed.

A function that writes a layer takes the layer and the `Call` of it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import fx, nn

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.quantization.qparams import BYTE
from micronet_edge.quantization.quantized_tensors import tensor_name
from micronet_edge.targets.operators import Operators
from micronet_edge.targets.protocol import FLOAT16, FLOAT32

if TYPE_CHECKING:
    from micronet_edge_tflite.counting.formulas import Formula

INTEGER, MICRO = "integer", "micro"
FLOAT = (FLOAT32, FLOAT16)
IN_LITERT = (*FLOAT, INTEGER)
EVERYWHERE = (*IN_LITERT, MICRO)
"""Kinds of our files, which an operator may be allowed in."""

ALL_BITS = (BYTE, 16)
"""Of the integers of an activation."""


@dataclass(frozen=True, slots=True)
class _IntegerForm:
    """The bits of the integers in which a layer is written, and which of its calls are."""

    bits: frozenset[int]
    supports: Callable[[fx.Node], bool]


_INTEGER_FORMS: dict[type[nn.Module], _IntegerForm] = {}

OPERATORS: "Operators[Callable[..., None], Formula]" = Operators(__name__)


def kind_of_file(metadata: FileMetadata) -> str:
    """The kind of the file that says this of itself."""
    if metadata.runtime == MICRO:
        return MICRO
    return metadata.precision if metadata.precision in FLOAT else INTEGER


def in_integers(
    *layers: type[nn.Module],
    bits: Iterable[int] = (BYTE,),
    supports: Callable[[fx.Node], bool] = lambda _node: True,
) -> None:
    """Says that LiteRT has kernels for these layers in integers of so many bits, where `supports` says so."""
    for layer in layers:
        _INTEGER_FORMS[layer] = _IntegerForm(frozenset(bits), supports)


def float_layers(network: fx.GraphModule, bits: int) -> frozenset[str]:
    """The layers of a network that are written, but not in integers of so many bits, by name."""
    calls = (node for node in network.graph.nodes if node.op == "call_module")
    written = [node for node in calls if OPERATORS.writer(node) is not None]
    return frozenset(tensor_name(node) for node in written if not _has_integer_form(node, bits))


def _has_integer_form(node: fx.Node, bits: int) -> bool:
    """By the layer's class, or the nearest base class of which it is known."""
    kinds = type(module_of(node)).__mro__
    form = next((_INTEGER_FORMS[kind] for kind in kinds if kind in _INTEGER_FORMS), None)
    return form is not None and bits in form.bits and form.supports(node)
