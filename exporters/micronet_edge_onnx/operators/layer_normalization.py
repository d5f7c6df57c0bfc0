"""LayerNormalization: a normalization along the last axes, with a scale and an offset for each place."""

from torch import nn

from micronet_edge.counting.arithmetic import NORMALIZATION
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import INTEGER, ONNXRUNTIME, OPERATORS
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("LayerNormalization", formula=elementwise(NORMALIZATION), allowed_in=(ONNXRUNTIME, INTEGER))


@OPERATORS.writes(nn.LayerNorm)
def write(layer: nn.LayerNorm, call: Call) -> str:
    weights = [
        call.model.shared(call.path(name), values.detach().numpy())
        for name, values in (("scale", layer.weight), ("offset", layer.bias))
    ]
    axis = len(call.shape) - len(layer.normalized_shape)
    return call.operator("LayerNormalization", [*call.inputs, *weights], axis=axis, epsilon=layer.eps)
