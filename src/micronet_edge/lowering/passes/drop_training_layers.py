"""Takes out layers that do nothing in inference."""

from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import bypass, calls
from micronet_edge.lowering.ir.pass_base import Pass

_IDLE = (nn.Dropout, nn.Dropout2d, nn.Identity)


class DropTrainingLayers(Pass):
    """Takes out dropout and identity.

    Given    x -> Dropout -> y
    Result   x -> y
    """

    def change(self, network: fx.GraphModule) -> int:
        idle = [node for kind in _IDLE for node, _ in calls(network, kind)]
        for node in idle:
            bypass(network, node)
        return len(idle)

    def check_after(self, network: fx.GraphModule) -> None:
        for kind in _IDLE:
            for node, _ in calls(network, kind):
                raise LoweringError(f"{node.target} is still there")
