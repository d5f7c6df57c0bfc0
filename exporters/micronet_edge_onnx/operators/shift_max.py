"""Dynamic Shift-Max in a float file, one layer until here: the form that every runtime runs fast.

Its coefficients come from products with a row. ONNX Runtime puts the input and output of a convolution of one
pixel into blocks of channels and out of them; MNN clips such a one after it has added the offset.
"""

import numpy as np

from micronet_edge.lowering.ir.channel_order import segments
from micronet_edge.lowering.ir.frozen_shift_max import RELU6_SPAN, FrozenShiftMax
from micronet_edge.util.layer_names import Part, part_of_fusion, shifted_part
from micronet_edge_onnx.operators import OPERATORS
from micronet_edge_onnx.operators.clip import clipped
from micronet_edge_onnx.operators.gemm import product
from micronet_edge_onnx.writer.call import Call
from micronet_edge_onnx.writer.largest_sum import largest_sum


@OPERATORS.writes(FrozenShiftMax)
def write(layer: FrozenShiftMax, call: Call) -> str:
    (x,) = call.inputs
    shifted = [_shifted(call, x, j, source) for j, source in enumerate(layer.sources)]
    coefficients = _coefficients(call, layer, shifted[0])
    return largest_sum(
        call.model,
        call.path(Part.MAXIMUM),
        coefficients,
        shifted,
        lambda kind, k, j: call.path(part_of_fusion(k, kind, j)),
    )


def _shifted(call: Call, x: str, j: int, source: tuple[int, ...]) -> str:
    name, index = call.path(shifted_part(j)), np.array(source)
    pieces = segments(index)
    if pieces == [(0, call.source_shapes[0][1])]:
        return x
    return call.model.slice(name, x, *pieces[0]) if len(pieces) == 1 else call.model.picked(name, x, index)


def _coefficients(call: Call, layer: FrozenShiftMax, x: str) -> list[str]:
    """The coefficients, one [n, c, 1, 1] for each fusion and shift, fusion by fusion."""
    model, channels = call.model, layer.fusions * layer.shifts * layer.channels
    mean = call.operator("GlobalAveragePool", [x], Part.MEAN)
    row = call.operator("Flatten", [mean], f"{Part.MEAN}/row", axis=1)
    y = product(call, row, layer.squeeze, Part.SQUEEZE)
    y = call.operator("Relu", [y], Part.SQUEEZED)
    y = product(call, y, layer.excite, Part.EXCITE)
    y = clipped(call, y, 0.0, RELU6_SPAN, Part.GATE)
    offset = model.shared(call.path(f"{Part.COEFFICIENTS}/constant"), layer.offset.flatten(1).numpy())
    y = call.operator("Add", [y, offset], Part.COEFFICIENTS)
    if layer.scale != 1.0:
        scale = model.scalar(call.path(f"{Part.SCALED}/constant"), layer.scale)
        y = call.operator("Mul", [y, scale], Part.SCALED)
    pixel = model.reshaped(call.path(f"{Part.COEFFICIENTS}/pixel"), y, -1, channels, 1, 1)
    sizes = [layer.channels] * (layer.fusions * layer.shifts)
    return model.split(call.path(f"{Part.COEFFICIENTS}/split"), pixel, sizes)
