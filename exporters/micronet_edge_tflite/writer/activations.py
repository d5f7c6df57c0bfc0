"""Activations as the format knows them: in an operator's options, or as operators of their own."""

from ai_edge_litert import schema_py_generated as schema
from torch import fx, nn

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.quantization.quantized_tensors import clip_after

NO_ACTIVATION = int(schema.ActivationFunctionType.NONE)
RELU, RELU6 = int(schema.ActivationFunctionType.RELU), int(schema.ActivationFunctionType.RELU6)

OPERATORS_OF_ACTIVATIONS = {RELU: "RELU", RELU6: "RELU6"}


def activation_of(layer: nn.Module | None) -> int:
    """The activation that the layer is; none where it is no layer or another one."""
    match layer:
        case nn.ReLU6():
            return RELU6
        case nn.ReLU():
            return RELU
        case _:
            return NO_ACTIVATION


def activation_after(node: fx.Node) -> int:
    """The activation that alone reads what the node gives."""
    clip = clip_after(node)
    return NO_ACTIVATION if clip is None else activation_of(module_of(clip))
