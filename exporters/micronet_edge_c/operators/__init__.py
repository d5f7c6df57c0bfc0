"""The operators of C files: one module each, with the layers that it writes."""

from collections.abc import Callable

from torch import nn

from micronet_edge.targets.operators import Operators
from micronet_edge_c.writer.call import Call

Write = Callable[[nn.Module, Call], None]

OPERATORS: "Operators[Callable[..., None], None]" = Operators(__package__)
