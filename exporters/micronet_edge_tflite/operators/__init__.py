"""The operators of TFLite files, one file each: the layers it writes, what it computes, where it is allowed.

A function that writes a layer takes the layer and the `Call` of it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.targets.operators import Operators
from micronet_edge.targets.protocol import FLOAT16, FLOAT32

if TYPE_CHECKING:
    from micronet_edge_tflite.counting.formulas import Formula

INTEGER, MICRO = "integer", "micro"
FLOAT = (FLOAT32, FLOAT16)
IN_LITERT = (*FLOAT, INTEGER)
EVERYWHERE = (*IN_LITERT, MICRO)
"""Kinds of our files, which an operator may be allowed in."""

OPERATORS: "Operators[Callable[..., None], Formula]" = Operators(__name__)


def kind_of_file(metadata: FileMetadata) -> str:
    """The kind of the file that says this of itself."""
    if metadata.runtime == MICRO:
        return MICRO
    return metadata.precision if metadata.precision in FLOAT else INTEGER
