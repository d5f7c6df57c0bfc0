"""An activation and the shuffles after it: one pass in training, the layers one by one otherwise."""

from torch import Tensor, nn

from micronet_edge.models import training_kernels
from micronet_edge.models.activation_training import UNBOUNDED, can_fuse, fused_clip, is_watched, order_after
from micronet_edge.models.dynamic_shift_max import DynamicShiftMax
from micronet_edge.models.gradient_wanted import gradient_wanted
from micronet_edge.models.micro_factorized import ChannelShuffle

_SIX = (0.0, 6.0)


def shuffled_activation(activation: nn.Module, shuffle: nn.Sequential, x: Tensor) -> Tensor:
    """What `shuffle` makes of what `activation` makes of x [n, c, h, w]."""
    if not _can_join(activation, shuffle, x):
        y: Tensor = shuffle(activation(x))
        return y
    shuffles = tuple(each.source(x.shape[1]) for each in shuffle if isinstance(each, ChannelShuffle))
    if isinstance(activation, DynamicShiftMax):
        return activation.forward_shuffled(x, shuffles)
    order = order_after(x.shape[1], (), shuffles)
    return fused_clip(x, order, _SIX if isinstance(activation, nn.ReLU6) else UNBOUNDED)


def _can_join(activation: nn.Module, shuffle: nn.Sequential, x: Tensor) -> bool:
    return (
        gradient_wanted(x, *activation.parameters())
        and training_kernels.can_run(x)
        and all(type(each) is ChannelShuffle for each in shuffle)
        and (_is_usual_shift_max(activation, x) or type(activation) in (nn.ReLU6, nn.Identity))
        and not (is_watched(activation) or is_watched(shuffle))
    )


def _is_usual_shift_max(activation: nn.Module, x: Tensor) -> bool:
    if not isinstance(activation, DynamicShiftMax) or type(activation) is not DynamicShiftMax:
        return False
    return can_fuse(x, activation.fusions, activation.shifts)
