"""Expand: axes of length 1 repeated, and one stored tensor for every sample."""

from micronet_edge.lowering.ir.primitives import Expand, StoredTensor
from micronet_edge_onnx.formula import MOVES
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Expand", "Shape", formula=MOVES, allowed_in=(PORTABLE,))


@OPERATORS.writes(Expand)
def write(_layer: Expand, call: Call) -> str:
    (x,) = call.inputs
    shape = [1 if length == -1 else length for length in call.open_shape]  # 1 keeps an axis as it is
    return call.operator("Expand", [x, call.model.indices(call.path("shape"), shape)])


@OPERATORS.writes(StoredTensor)
def write_stored(layer: StoredTensor, call: Call) -> str:
    """The tensor itself for one sample, and an Expand for a number of them that may be open."""
    model, constant, batch = call.model, call.constant(layer), call.tensors.batch
    if batch == 1:
        return constant
    _, *behind = call.shape
    if batch is not None:
        shape = model.indices(call.path("shape"), [batch, *behind])
    else:
        samples = call.operator("Shape", call.inputs, "samples", start=0, end=1)
        parts = [samples, model.indices(call.path("sides"), behind)]
        shape = call.operator("Concat", parts, "shape", axis=0) if behind else samples
    return call.operator("Expand", [constant, shape])
