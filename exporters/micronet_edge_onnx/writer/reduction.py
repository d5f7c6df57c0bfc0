"""Writes what leaves one number of all along some axes."""

from micronet_edge.lowering.ir.primitives import Reduction
from micronet_edge_onnx.writer.call import Call

_ROWS_AND_COLUMNS, _MAP = [2, 3], 4


def axes_of(layer: Reduction, call: Call) -> list[int]:
    """The layer's axes, counted from the first one, in order."""
    rank = len(call.source_shapes[0])
    return sorted(axis % rank for axis in layer.axes)


def reduced(kind: str, layer: Reduction, call: Call) -> str:
    """The operator, which has its axes as an attribute."""
    return call.operator(kind, call.inputs, axes=axes_of(layer, call), keepdims=int(layer.keeps_axes))


def is_of_all_pixels(layer: Reduction, call: Call) -> bool:
    """Whether one number of each channel's map is left, for which there are faster operators."""
    return len(call.source_shapes[0]) == _MAP and axes_of(layer, call) == _ROWS_AND_COLUMNS


def of_all_pixels(kind: str, layer: Reduction, call: Call) -> str:
    """The operator that leaves maps of one pixel, and a Flatten where the axes go."""
    if layer.keeps_axes:
        return call.operator(kind, call.inputs)
    return call.operator("Flatten", [call.operator(kind, call.inputs, "pixel")], axis=1)
