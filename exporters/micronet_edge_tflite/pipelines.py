"""The pipeline of float files, for LiteRT with XNNPACK."""

from micronet_edge.lowering import Costs, Pass, common
from micronet_edge.lowering.passes.decompose import Decompose
from micronet_edge_tflite.passes.join_mirrors import JoinMirrors


def xnnpack(costs: Costs) -> tuple[Pass, ...]:
    """The passes of a network that computes in float, chosen by these costs."""
    return common(costs, Decompose(costs, rounded=False), JoinMirrors())
