"""Resize: a map in another size, of the pixels that torch.nn.functional.interpolate takes.

The scales are constants, which hold for any number of samples. ONNX takes the whole part of a length times
its scale, and pixel floor(place / scale) for the nearest one; torch floor(place * (old / new)), in float32.
"""

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray

from micronet_edge.counting import arithmetic
from micronet_edge.counting.arithmetic import BILINEAR, MOVEMENT
from micronet_edge.counting.graph import Arithmetic, Tensor
from micronet_edge.lowering.ir.primitives import Resize
from micronet_edge_onnx.formula import Formula
from micronet_edge_onnx.operators import OPERATORS, PORTABLE
from micronet_edge_onnx.writer.call import Call


def _interpolation(node: onnx.NodeProto, _inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    modes = [each.s for each in node.attribute if each.name == "mode"]
    return arithmetic.elementwise(result, BILINEAR) if modes == [b"linear"] else MOVEMENT


OPERATORS.names("Resize", formula=Formula(_interpolation, data=(0,)), allowed_in=(PORTABLE,))


@OPERATORS.writes(Resize)
def write(layer: Resize, call: Call) -> str:
    (x,), (old,) = call.inputs, [shape[2:] for shape in call.source_shapes]
    sides = list(zip(old, layer.size, strict=True))
    if layer.mode == "bilinear":
        between = "align_corners" if layer.aligns_corners else "half_pixel"
        found = [_scales(*side)[0] for side in sides]
        return _resized(call, x, found, mode="linear", coordinate_transformation_mode=between)
    nearest = [_scale_of_nearest(*side) for side in sides]
    known = [scale for scale in nearest if scale is not None]
    if len(known) == len(nearest):
        settings = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return _resized(call, x, known, mode="nearest", **settings)
    rows, columns = (_nearest(*side) for side in sides)
    return call.model.picked(call.name, call.model.picked(call.path("rows"), x, rows, 2), columns, 3)


def _resized(call: Call, x: str, scales: list[np.float32], **settings: str) -> str:
    stored = call.model.constant(call.path("scales"), np.array([1, 1, *scales], np.float32))
    return call.operator("Resize", [x, "", stored], **settings)


def _scales(old: int, new: int) -> list[np.float32]:
    """The numbers nearest to new / old that make `new` of `old`, the nearest first."""
    scale = np.float32(new) / np.float32(old)
    near = [scale, np.nextafter(scale, np.float32(np.inf)), np.nextafter(scale, np.float32(0))]
    return [each for each in near if _makes(old, each) == {new}]


def _makes(old: int, scale: np.float32) -> set[int]:
    """The length that runtimes make, which multiply in float32 or in float64."""
    return {int(np.float32(old) * scale), int(old * float(scale))}


def _nearest(old: int, new: int) -> NDArray[np.int64]:
    """The places that torch takes."""
    places = np.arange(new, dtype=np.float32) * (np.float32(old) / np.float32(new))
    return np.array([min(int(place), old - 1) for place in places], np.int64)


def _scale_of_nearest(old: int, new: int) -> np.float32 | None:
    """A scale by which ONNX takes the same places as torch, if there is one."""
    for scale in _scales(old, new):
        places = np.minimum(np.floor(np.arange(new, dtype=np.float32) / scale), old - 1)
        if np.array_equal(places, _nearest(old, new)):
            return scale
    return None
