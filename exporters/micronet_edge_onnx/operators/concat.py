"""Concat: tensors one behind the other along an axis, or side by side."""

import numpy as np
from torch import Tensor

from micronet_edge.lowering.ir.primitives import Concatenate
from micronet_edge_onnx.formula import MOVES
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.passes.merge_with_padding_columns import BesideColumns
from micronet_edge_onnx.writer.call import Call

OPERATORS.names("Concat", formula=MOVES, allowed_in=(PORTABLE,))


@OPERATORS.writes(Concatenate)
def write(layer: Concatenate, call: Call) -> str:
    return call.operator("Concat", call.inputs, axis=layer.axis)


@OPERATORS.writes(BesideColumns)
def write_columns(layer: BesideColumns, call: Call) -> str:
    (x,) = call.inputs
    left, right = (
        [_columns(call, side, columns, x)] if columns.shape[3] else []
        for side, columns in (("left", layer.left), ("right", layer.right))
    )
    return call.operator("Concat", [*left, x, *right], axis=3)


def _columns(call: Call, side: str, columns: Tensor, x: str) -> str:
    """The columns for every image; for any number of images by way of the images' own."""
    name, batch = call.path(side), call.tensors.batch
    if batch is not None:
        return call.model.constant(name, columns.numpy().repeat(batch, 0))
    own = call.model.slice(f"{name}/own", x, 0, columns.shape[3], axis=3)
    zero = call.model.constant(f"{name}/zero", np.zeros((), np.float32))
    nothing = call.model.operator("Mul", f"{name}/nothing", [own, zero])
    return call.model.operator(
        "Add", name, [nothing, call.model.constant(f"{name}/columns", columns.numpy())]
    )
