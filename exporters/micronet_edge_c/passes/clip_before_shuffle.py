"""Moves a clip before the shuffle that it reads."""

from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import feeds_only, module_of, only_input
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.models import ChannelShuffle

_CLIPS = nn.ReLU | nn.Hardtanh


class ClipBeforeShuffle(Pass):
    """Lets the operator before a shuffle clip its result: a shuffle cannot.

    Given    x -> ChannelShuffle -> ReLU | Hardtanh -> y, the shuffle read by the clip alone
    Result   x -> ReLU | Hardtanh -> ChannelShuffle -> y

    In integers the operator then has the range of the clipped numbers, and nothing is rounded twice.
    """

    def change(self, network: fx.GraphModule) -> int:
        places = 0
        # One by one: a clip may pass several shuffles.
        while (clip := next(filter(_matches, network.graph.nodes), None)) is not None:
            places += 1
            shuffle = only_input(clip)
            x = only_input(shuffle)
            clip.replace_all_uses_with(shuffle)
            clip.replace_input_with(shuffle, x)
            shuffle.replace_input_with(x, clip)
            shuffle.prepend(clip)
        return places

    def check_after(self, network: fx.GraphModule) -> None:
        for node in filter(_matches, network.graph.nodes):
            raise LoweringError(f"{node.target} still reads a shuffle")


def _matches(node: fx.Node) -> bool:
    if not isinstance(module_of(node), _CLIPS):
        return False
    shuffle = only_input(node)
    return isinstance(module_of(shuffle), ChannelShuffle) and feeds_only(shuffle, node)
