"""MatMul: a pointwise convolution with a weight of each image's own."""

from micronet_edge.lowering.ir.primitives import DynamicPointwise, DynamicPointwiseWeight
from micronet_edge_onnx.operators import OPERATORS
from micronet_edge_onnx.writer.call import Call


@OPERATORS.writes(DynamicPointwiseWeight)
def write_weight(layer: DynamicPointwiseWeight, call: Call) -> str:
    """[n, d, c], transposed: what stands before the pixels in a product."""
    model, outputs, total = call.model, call.shape[3], ""
    for j, x in enumerate(call.held):
        column = model.reshaped(call.path(f"column{j}"), x, 0, outputs, 1)
        mask = model.constant(call.path(f"mask{j}"), layer.masks[j].numpy()[:, 0].T)
        placed = call.operator("Mul", [column, mask], f"placed{j}")
        total = call.operator("Add", [total, placed], f"sum{j}") if total else placed
    return total


@OPERATORS.writes(DynamicPointwise)
def write(_layer: DynamicPointwise, call: Call) -> str:
    model, (x, matrix) = call.model, call.held
    _, d, h, w = call.shape
    pixels = model.reshaped(call.path("pixels"), x, 0, call.source_shapes[0][1], h * w)
    product = call.operator("MatMul", [matrix, pixels], "product")
    return model.reshaped(call.name, product, 0, d, h, w)
