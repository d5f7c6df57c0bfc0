"""Pad: numbers around a tensor: one constant, its own mirrored, or those at its edges."""

from micronet_edge.lowering.ir.primitives import Pad
from micronet_edge_onnx.formula import MOVES
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.passes.fuse_edge_padding import EdgePad
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Pad", formula=MOVES, allowed_in=(PORTABLE,))


@OPERATORS.writes(Pad)
def write(layer: Pad, call: Call) -> str:
    before, behind = zip(*layer.sides, strict=True)
    sides = call.model.indices(call.path("sides"), [*before, *behind])
    if layer.value is None:
        return call.operator("Pad", [*call.inputs, sides], mode="reflect")
    value = call.model.scalar(call.path("value"), layer.value)
    return call.operator("Pad", [*call.inputs, sides, value], mode="constant")


@OPERATORS.writes(EdgePad)
def write_edges(layer: EdgePad, call: Call) -> str:
    before, behind = zip((0, 0), (0, 0), *layer.sides, strict=True)
    sides = call.model.indices(call.path("sides"), [*before, *behind])
    return call.operator("Pad", [*call.inputs, sides], mode="edge")
