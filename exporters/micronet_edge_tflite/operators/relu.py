"""RELU and RELU6, where no operator before them has them in its options; clips that one has."""

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
@OPERATORS.writes(nn.Hardtanh, supports=is_done_before)
def write(layer: nn.Module, call: Call) -> None:
    """Writes an activation that stands alone: `write_clip` does one behind another layer."""
    call.write(OPERATORS_OF_ACTIVATIONS[activation_of(layer)], call.inputs, call.result())
