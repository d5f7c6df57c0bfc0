"""PAD: zeros around a map."""

from ai_edge_litert import schema_py_generated as schema
from torch import nn

from micronet_edge_tflite.counting.formulas import MOVES
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("PAD", formula=MOVES, allowed_in=EVERYWHERE)
OPERATORS.names("PADV2", formula=MOVES)


def padded(call: Call, conv: nn.Conv2d) -> int:
    """The input of a convolution with its padding."""
    (x,), (source,) = call.inputs, call.sources
    vertical, horizontal = (int(side) for side in conv.padding)
    batch, height, width, channels = call.tensors.shape(source)
    shape = (batch, height + 2 * vertical, width + 2 * horizontal, channels)
    result = call.tensor("padded", shape, call.qparams_of(source))
    sides = call.sizes(result, "sides", [(0, 0), (vertical, vertical), (horizontal, horizontal), (0, 0)])
    call.write("PAD", [x, sides], result, schema.PadOptionsT)
    return result
