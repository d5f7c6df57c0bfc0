"""AVERAGE_POOL_2D and MAX_POOL_2D: means and maxima of windows."""

from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from torch import fx, nn

from micronet_edge.counting import arithmetic
from micronet_edge.counting.graph import Arithmetic, Tensor
from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.quantization.qparams import QuantParams, activation_qparams
from micronet_edge_tflite.counting.formulas import Formula
from micronet_edge_tflite.micro.layers import AveragePool
from micronet_edge_tflite.operators import ALL_BITS, EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.operators.multiply import multiply
from micronet_edge_tflite.operators.pad import padded
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.windows import Window, is_never_negative, window_of


def _formula(options: object, _inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    window: int = getattr(options, "filterHeight", 1) * getattr(options, "filterWidth", 1)
    return arithmetic.elementwise(result, window)


OPERATORS.names("AVERAGE_POOL_2D", "MAX_POOL_2D", formula=Formula(_formula), allowed_in=EVERYWHERE)

in_integers(AveragePool, bits=ALL_BITS)
in_integers(nn.MaxPool2d, nn.AvgPool2d)

_LOWEST = float(np.finfo(np.float32).min)


@OPERATORS.writes(AveragePool)
def write(_layer: AveragePool, call: Call) -> None:
    _, height, width, _ = call.tensors.shape(call.sources[0])
    window = {"filterHeight": height, "filterWidth": width, "strideH": height, "strideW": width}
    valid = {"padding": schema.Padding.VALID}
    call.write("AVERAGE_POOL_2D", call.inputs, call.result(), schema.Pool2DOptionsT, **window, **valid)


def _is_plain_maximum(node: fx.Node) -> bool:
    layer = module_of(node)
    assert isinstance(layer, nn.MaxPool2d)
    return layer.dilation in {1, (1, 1)} and not layer.return_indices


@OPERATORS.writes(nn.MaxPool2d, supports=_is_plain_maximum)
def write_maximum(layer: nn.MaxPool2d, call: Call) -> None:
    """Padded, where the format's own padding is another one, with what is no maximum."""
    window = window_of(layer)
    (x,), same = call.inputs, window.is_same(call)
    sides = window.sides(call) if layer.ceil_mode else window.even_sides
    qparams = call.qparams_in(x)
    if any(map(any, sides)) and not same:
        x = padded(call, *sides, value=_padding(call, qparams))
    with call.result_at(qparams) as result:
        _pool(call, "MAX_POOL_2D", (x, result), window, same=same)


def _padding(call: Call, qparams: QuantParams | None) -> float:
    """A number that is no maximum."""
    if qparams is None:
        # Not 0, even where that would do: LiteRT then pads by itself, in half the time that XNNPACK takes.
        return _LOWEST
    return 0.0 if is_never_negative(call.sources[0]) else qparams.low


def _is_plain_mean(node: fx.Node) -> bool:
    layer = module_of(node)
    assert isinstance(layer, nn.AvgPool2d)
    return layer.divisor_override is None and not layer.ceil_mode


@OPERATORS.writes(nn.AvgPool2d, supports=_is_plain_mean)
def write_mean(layer: nn.AvgPool2d, call: Call) -> None:
    """Padded with zeros that count; where they must not, the format's own padding or a factor undoes it."""
    window = window_of(layer)
    (x,), apart = call.inputs, any(window.padding) and not layer.count_include_pad
    qparams = call.qparams_in(x)
    same = apart and window.is_same(call)
    if any(window.padding) and not same:
        x = padded(call, *window.even_sides)
    with call.result_at(qparams) as result:
        if not apart or same:
            _pool(call, "AVERAGE_POOL_2D", (x, result), window, same=same)
            return
        mean = call.tensor("mean", call.shape, qparams)
        _pool(call, "AVERAGE_POOL_2D", (x, mean), window, same=False)
        factor = call.constant("factor", window.mean_factors(call), _factor_qparams(call, window))
        multiply(call, mean, factor, result)


def _factor_qparams(call: Call, window: Window) -> QuantParams | None:
    """Those of the factors, the largest of which is that of a corner; None in float."""
    if call.qparams is None:
        return None
    return activation_qparams(0.0, float(window.mean_factors(call).max()), call.qparams.bits)


def _pool(call: Call, operator: str, tensors: tuple[int, int], window: Window, *, same: bool) -> None:
    x, result = tensors
    settings = {
        "padding": schema.Padding.SAME if same else schema.Padding.VALID,
        "filterHeight": window.size[0],
        "filterWidth": window.size[1],
        "strideH": window.stride[0],
        "strideW": window.stride[1],
    }
    call.write(operator, [x], result, schema.Pool2DOptionsT, **settings)
