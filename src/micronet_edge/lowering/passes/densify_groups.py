"""Makes grouped convolutions dense where the runtime then does more work in less time."""

from torch import Tensor, fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.lowering.ir.convolutions import conv_of, is_depthwise, with_conv, with_weights
from micronet_edge.lowering.ir.graph import module_of, replace_module
from micronet_edge.lowering.ir.pass_base import Pass


class DensifyGroups(Pass):
    """Fills the weights of a grouped convolution up with zeros.

    Given    x -> Conv2d in groups -> y, where a dense one costs the runtime less
    Result   x -> Conv2d -> y

    Depthwise convolutions without a multiplier stay: every runtime has a fast one.
    """

    def __init__(self, costs: Costs) -> None:
        self.costs = costs

    def change(self, network: fx.GraphModule) -> int:
        nodes = [node for node in network.graph.nodes if self._matches(node)]
        for node in nodes:
            layer = module_of(node)
            conv = conv_of(layer)
            assert layer is not None
            assert conv is not None
            replace_module(network, node, with_conv(layer, with_weights(conv, dense_weight(conv), conv.bias)))
        return len(nodes)

    def check_after(self, network: fx.GraphModule) -> None:
        for node in network.graph.nodes:
            if self._matches(node):
                raise LoweringError(f"{node.target} could have been made dense")

    def _matches(self, node: fx.Node) -> bool:
        conv = conv_of(module_of(node))
        grouped = conv is not None and conv.groups > 1 and not is_depthwise(conv)
        return grouped and conv is not None and self.costs.dense_pays(conv)


def dense_weight(conv: nn.Conv2d) -> Tensor:
    """The weight [out, in, kh, kw] of the same convolution without groups."""
    weight = conv.weight.detach()
    dense = weight.new_zeros(conv.out_channels, conv.in_channels, *weight.shape[2:])
    outputs, inputs = conv.out_channels // conv.groups, conv.in_channels // conv.groups
    for group in range(conv.groups):
        rows = slice(group * outputs, (group + 1) * outputs)
        dense[rows, group * inputs : (group + 1) * inputs] = weight[rows]
    return dense
