"""Moves channel shuffles behind the clips that read them."""

from torch import fx, nn

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import calls, module_of, only_input, only_reader
from micronet_edge.lowering.ir.pass_base import Pass
from micronet_edge.models import ChannelShuffle


class ShuffleLast(Pass):
    """Lets a convolution do the clip behind it, and write its channels in the shuffled order.

    Given    x -> shuffle -> ReLU or Hardtanh, which alone reads the shuffle
    Result   x -> ReLU or Hardtanh -> shuffle
    """

    def change(self, network: fx.GraphModule) -> int:
        places = 0
        for node, _ in list(calls(network, ChannelShuffle)):
            while (clip := _clip_behind(node)) is not None:
                clip.replace_all_uses_with(node)
                clip.args, node.args = (only_input(node),), (clip,)
                clip.append(node)
                places += 1
        return places

    def check_after(self, network: fx.GraphModule) -> None:
        for node, _ in calls(network, ChannelShuffle):
            if _clip_behind(node) is not None:
                raise LoweringError(f"a clip still reads {node.target}")


def _clip_behind(node: fx.Node) -> fx.Node | None:
    reader = only_reader(node)
    return reader if reader is not None and isinstance(module_of(reader), nn.ReLU | nn.Hardtanh) else None
