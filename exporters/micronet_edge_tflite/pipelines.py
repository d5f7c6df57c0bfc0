"""The passes that make a network ready for LiteRT with XNNPACK."""

from micronet_edge.lowering import Costs, Pass, common
from micronet_edge.lowering.passes.decompose import Decompose


def xnnpack(costs: Costs) -> tuple[Pass, ...]:
    """In float."""
    return common(costs, Decompose(costs, rounded=False))
