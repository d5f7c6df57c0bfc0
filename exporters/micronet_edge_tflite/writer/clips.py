"""The clip behind a layer, as far as neither the layer's operator nor saturation does it."""

from math import inf, isinf

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from torch import nn

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.quantization.qparams import BYTE
from micronet_edge.quantization.quantized_tensors import clip_after, keeps_qparams, result_name
from micronet_edge_tflite.writer.activations import OPERATORS_OF_ACTIVATIONS, activation_of
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.coefficients import is_coefficient


def write_clip(call: Call) -> None:
    """Writes the part of the clip that the layer's operator and saturation leave to do."""
    after = clip_after(call.node)
    clip = None if after is None else module_of(after)
    if clip is None or call.activation_is_written:
        return
    low, high = _ends(clip)
    if call.integer and _is_moved(call):
        _append(call, "QUANTIZE", "requantized", options=schema.QuantizeOptionsT)
    if call.integer and _saturates(call, low, high):
        return
    if isinstance(clip, nn.Hardtanh) and not isinstance(clip, nn.ReLU6):
        _cut_off(call, low, high)
    else:
        _append(call, OPERATORS_OF_ACTIVATIONS[activation_of(clip)], "activated")


def _is_moved(call: Call) -> bool:
    """Whether the tensor still has the quantization parameters of before the clip, as what is only moved."""
    before = call.tensors.last_result(call.node, integer=True)
    return keeps_qparams(call.node) and call.qparams_in(before) != call.qparams


def _ends(clip: nn.Module) -> tuple[float, float]:
    return (float(clip.min_val), float(clip.max_val)) if isinstance(clip, nn.Hardtanh) else (0.0, inf)


def _saturates(call: Call, low: float, high: float) -> bool:
    """Whether the range of the result's integers ends where the clip does."""
    qparams = call.tensors.quantized.qparams(call.node)
    if qparams.bits == BYTE and is_coefficient(call.node):
        return True
    half = qparams.scale / 2
    return qparams.low >= low - half and qparams.high <= high + half


def _cut_off(call: Call, low: float, high: float) -> None:
    for operator, side, bound in (("MAXIMUM", "low", low), ("MINIMUM", "high", high)):
        if isinf(bound):
            continue
        value = np.full([1] * call.rank(call.node), bound, np.float32)
        limit = call.tensors.writer.numbers(f"{result_name(call.node)}/{side}", value, call.qparams)
        _append(call, operator, f"cut_{side}", limit, options=schema.MaximumMinimumOptionsT)


def _append(call: Call, operator: str, role: str, *operands: int, options: type | None = None) -> None:
    """Writes one more operator, whose result is the layer's from now on."""
    before = call.tensors.last_result(call.node, integer=call.integer)
    shape = call.shape_in(call.tensors.order(call.node))
    after = call.tensors.writer.tensor(f"{result_name(call.node)}/{role}", shape, call.qparams)
    call.write(operator, [before, *operands], after, options)
    call.tensors.set_result(call.node, after, integer=call.integer)
