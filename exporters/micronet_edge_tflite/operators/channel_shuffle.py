"""A channel shuffle: the groups of channels, stored last, are transposed as a matrix."""

from micronet_edge.models import ChannelShuffle
from micronet_edge_tflite.operators import OPERATORS, in_integers
from micronet_edge_tflite.operators.transpose import transposed_channels
from micronet_edge_tflite.writer.call import Call

in_integers(ChannelShuffle)


@OPERATORS.writes(ChannelShuffle)
def write(layer: ChannelShuffle, call: Call) -> None:
    (x,) = call.inputs
    channels = call.shape[-1]
    with call.result_at(call.qparams_in(x)) as result:
        transposed_channels(call, x, (layer.groups, channels // layer.groups), result)
