"""RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR, with the pixels that PyTorch takes.

Source: tflite/kernels/internal/reference/reference_ops.h: without half pixels the nearest one is
floor(place * old / new), as in PyTorch.
"""

from ai_edge_litert import schema_py_generated as schema
from torch import fx

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.lowering.ir.primitives import Resize
from micronet_edge_tflite.counting.formulas import MOVES, elementwise
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.writer.call import Call

OPERATORS.names("RESIZE_BILINEAR", formula=elementwise(7), allowed_in=EVERYWHERE)
# Four multiplications, three additions.
OPERATORS.names("RESIZE_NEAREST_NEIGHBOR", formula=MOVES, allowed_in=EVERYWHERE)

in_integers(Resize)


def _is_known(node: fx.Node) -> bool:
    return getattr(module_of(node), "mode", None) in {"nearest", "bilinear"}


@OPERATORS.writes(Resize, supports=_is_known)
def write(layer: Resize, call: Call) -> None:
    (x,) = call.inputs
    with call.result_at(call.qparams_in(x)) as result:
        inputs = [x, call.sizes(result, "size", layer.size)]
        if layer.mode == "nearest":
            call.write("RESIZE_NEAREST_NEIGHBOR", inputs, result, schema.ResizeNearestNeighborOptionsT)
            return
        corners = layer.aligns_corners
        settings = {"alignCorners": corners, "halfPixelCenters": not corners}
        call.write("RESIZE_BILINEAR", inputs, result, schema.ResizeBilinearOptionsT, **settings)
