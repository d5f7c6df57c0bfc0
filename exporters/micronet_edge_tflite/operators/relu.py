"""RELU and RELU6 as operators of their own, where no other operator has them in its options."""

from torch import nn

from micronet_edge.counting.arithmetic import BOUND, CLIP
from micronet_edge.quantization.quantized_tensors import is_done_before
from micronet_edge_tflite.counting.formulas import elementwise
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS
from micronet_edge_tflite.writer.activations import OPERATORS_OF_ACTIVATIONS, activation_of
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("RELU", formula=elementwise(BOUND), allowed_in=EVERYWHERE)
OPERATORS.names("RELU6", formula=elementwise(CLIP), allowed_in=EVERYWHERE)
OPERATORS.names("RELU_0_TO_1", "RELU_N1_TO_1", formula=elementwise(CLIP))


@OPERATORS.writes(nn.ReLU, nn.ReLU6)
@OPERATORS.writes(nn.Hardtanh, supports=is_done_before)  # with the layer before it, see `write_clip`
def write(layer: nn.Module, call: Call) -> None:
    call.write(OPERATORS_OF_ACTIVATIONS[activation_of(layer)], call.inputs, call.result())
