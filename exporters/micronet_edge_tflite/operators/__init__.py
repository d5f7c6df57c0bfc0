"""The operators of TFLite files, one file each: the layers it writes, what it computes, where it is allowed.

A function that writes a layer takes the layer and the `Call` of it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from micronet_edge.targets.operators import Operators
from micronet_edge.targets.protocol import FLOAT16, FLOAT32

if TYPE_CHECKING:
    from micronet_edge_tflite.counting.formulas import Formula

INTEGER = "integer"
FLOAT = (FLOAT32, FLOAT16)
EVERYWHERE = (*FLOAT, INTEGER)
"""Kinds of our files, which an operator may be allowed in."""

OPERATORS: "Operators[Callable[..., None], Formula]" = Operators(__name__)


def kind_of_file(precision: str) -> str:
    """The kind of a file of that precision."""
    return precision if precision in FLOAT else INTEGER
