"""BatchNormalization: a factor and an offset for each channel."""

from torch import Tensor, nn

from micronet_edge.counting.arithmetic import SCALE_AND_SHIFT
from micronet_edge_onnx.formula import elementwise
from micronet_edge_onnx.operators import ONNXRUNTIME, OPERATORS
from micronet_edge_onnx.writer.call import Call

OPERATORS.names(
    "BatchNormalization",
    formula=elementwise(SCALE_AND_SHIFT, data=(0, 1, 2)),
    allowed_in=(ONNXRUNTIME,),
)


@OPERATORS.writes(nn.BatchNorm2d, supports=lambda node: node.op == "call_module")
def write(layer: nn.BatchNorm2d, call: Call) -> str:
    numbers: dict[str, Tensor | None] = {
        "scale": layer.weight,
        "offset": layer.bias,
        "mean": layer.running_mean,
        "variance": layer.running_var,
    }
    stored = [_stored(call, name, values) for name, values in numbers.items()]
    return call.operator("BatchNormalization", [*call.inputs, *stored], epsilon=layer.eps)


def _stored(call: Call, name: str, values: Tensor | None) -> str:
    assert values is not None
    return call.model.shared(call.path(name), values.detach().numpy())
