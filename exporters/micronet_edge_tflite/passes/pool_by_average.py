"""Lets AVERAGE_POOL_2D compute the means, which TensorFlow Lite Micro has a fast kernel for."""

from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import calls, replace_module
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge_tflite.micro.layers import AveragePool


class PoolByAverage(Pass):
    """Replaces global means.

    Given    AdaptiveAvgPool2d(1)
    Result   AveragePool

    Its result has the quantization parameters of its input: what reads it has their factor in its own
    scales. MEAN runs in reference code, at about ten times the instructions per element.
    """

    def change(self, network: fx.GraphModule) -> int:
        found = [node for node, layer in calls(network, nn.AdaptiveAvgPool2d) if _is_mean(layer)]
        for node in found:
            replace_module(network, node, AveragePool())
        return len(found)

    def check_after(self, network: fx.GraphModule) -> None:
        for node, layer in calls(network, nn.AdaptiveAvgPool2d):
            if _is_mean(layer):
                raise LoweringError(f"{node.target} is still a mean")


def _is_mean(layer: nn.AdaptiveAvgPool2d) -> bool:
    return not isinstance(layer, AveragePool) and layer.output_size in {1, (1, 1)}
