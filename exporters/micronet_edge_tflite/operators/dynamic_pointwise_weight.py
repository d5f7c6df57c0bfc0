"""The weight of a dynamic pointwise convolution: coefficients times masks of zeros and ones, added up."""

import numpy as np
from numpy.typing import NDArray

from micronet_edge.lowering.ir.primitives import DynamicPointwiseWeight
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge_tflite.operators import ALL_BITS, OPERATORS, in_integers
from micronet_edge_tflite.operators.add import add
from micronet_edge_tflite.operators.multiply import multiply
from micronet_edge_tflite.operators.reshape import reshape
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.coefficients import coefficient_qparams

in_integers(DynamicPointwiseWeight, bits=ALL_BITS)


@OPERATORS.writes(DynamicPointwiseWeight)
def write(layer: DynamicPointwiseWeight, call: Call) -> None:
    masks = layer.masks.numpy().transpose(0, 2, 3, 1)  # [J, 1, d, c]
    total, *rest, last = [_placed(call, j, mask[None]) for j, mask in enumerate(masks)]
    for j, part in enumerate(rest):
        added = call.tensor(f"added{j}", call.shape, call.qparams)
        add(call, total, part, added)
        total = added
    add(call, total, last, call.result())


def _placed(call: Call, j: int, mask: NDArray[np.float32]) -> int:
    """Coefficient j at its places in the weight: in integers at the coefficient's own scale, so exactly."""
    batch, _, outputs, _ = call.shape
    column_shape = (batch, 1, outputs, 1)
    computed, placed, ones = _qparams(call, j)
    column = call.tensor(f"column{j}", column_shape, computed)
    part = call.tensor(f"placed{j}", call.shape, placed)
    factor = call.constant(f"mask{j}", mask, ones)
    reshape(call, call.inputs[j], column_shape, column)
    multiply(call, column, factor, part)
    return part


def _qparams(call: Call, j: int) -> tuple[QuantParams | None, QuantParams | None, QuantParams | None]:
    """Those of coefficient j as it is computed, of the same at its places, and of the mask; None in float."""
    if call.qparams is None:
        return None, None, None
    ones = QuantParams(1.0, 0, call.qparams.bits)
    return *coefficient_qparams(call.sources[j], call.tensors.quantized), ones
