"""The weight of a depthwise convolution, of coefficients that are computed: one row for each shift."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from torch import fx, nn

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge_tflite.micro.layers import CoefficientRows
from micronet_edge_tflite.operators import ALL_BITS, OPERATORS, in_integers
from micronet_edge_tflite.operators.concatenate import ROWS, concatenate
from micronet_edge_tflite.writer.call import Call

in_integers(CoefficientRows, bits=ALL_BITS)


@OPERATORS.writes(CoefficientRows)
def write(_layer: CoefficientRows, call: Call) -> None:
    """The rows, clipped together: their clips differ from shift to shift."""
    steps = _clips(call)
    rows = call.result() if not steps else call.tensor("rows", call.shape, call.qparams)
    concatenate(call, call.inputs, ROWS, rows)
    for place, (operator, bounds) in enumerate(steps):
        last = place == len(steps) - 1
        after = call.result() if last else call.tensor(f"after_{operator}", call.shape, call.qparams)
        limit = call.constant(operator, np.broadcast_to(bounds, call.shape), call.qparams)
        call.write(operator, [rows, limit], after, schema.MaximumMinimumOptionsT)
        rows = after


def _clips(call: Call) -> list[tuple[str, "np.typing.NDArray[np.float32]"]]:
    """The operators that clip, with a bound for each row, as far as saturation does not do it."""
    ends = np.array([_ends(source) for source in call.sources], np.float32)
    low, high = (ends[:, side].reshape(1, -1, 1, 1) for side in (0, 1))
    lowest, highest = (-np.inf, np.inf) if call.qparams is None else (call.qparams.low, call.qparams.high)
    clips = [("MAXIMUM", low)] if (low > lowest).any() else []
    return clips + ([("MINIMUM", high)] if (high < highest).any() else [])


def _ends(coefficient: fx.Node) -> tuple[float, float]:
    clip = module_of(coefficient)
    assert isinstance(clip, nn.Hardtanh)  # as decomposition writes it
    return float(clip.min_val), float(clip.max_val)
