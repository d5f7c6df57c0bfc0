"""How each baseline is written, by precision and format: the fastest way measured, with one exception.

All formats: the hard sigmoid becomes a bias and a clip of the convolution before it, and its 1/6 moves into
the convolution after it. LiteRT's XNNPACK does not support it as an operator, which would split a float file
into 10 pieces.

Hard swish, on one x86-64 core with AVX2 and without VNNI: - float, TFLite: its own operator, 1.1 times as
fast as ADD with RELU6 and MUL. - float, ONNX: its own operator, which ONNX Runtime fuses into a convolution.
HardSigmoid and Mul take the same
  time; Add, Clip and Mul take 1.2 to 1.6 times the time, a depthwise 1 x 1 convolution with a clip, times x,
  1.1 times.
- int8, TFLite: ADD with RELU6, then MUL, with 1/6 folded into the convolutions after it. Its own operator has
no
  integer kernel in XNNPACK: 20 pieces, 2.1 times the time. In float between DEQUANTIZE and QUANTIZE it takes
  the same time, with the same noise.
- int8, ONNX: in float, as its own operator; decomposed it takes 1.1 to 1.6 times the time, in integers 3 to 4
times.

C files keep it as one layer in both precisions: in integers a table computes it and rounds once, at 3 to 5
instructions a number on a Cortex-M4.

The finer stem of TFLite's quantized graph removes most of a MicroNet's noise. For a baseline it removes at
most 0.5 dB for 6 to 12 % of the time, so baselines do without. Baselines use ONNX's quantized graph, which
chooses what stays in float. With only linear layers in integers, MobileNetV3-Small 0.5 would be 11 % faster
on this core, whose integer products are slow; with all convolutions in integers it would take 1.2 times the
time.
"""

from torch import nn

from baselines.fold_factors import FoldFactors
from baselines.freeze_hard_sigmoid import FreezeHardSigmoid
from micronet_edge.errors import SettingsError
from micronet_edge.lowering import Pass, lower
from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS
from micronet_edge.lowering.passes.canonicalize import Canonicalize
from micronet_edge.lowering.passes.decompose import Decompose
from micronet_edge.lowering.passes.fold_batch_norm import FoldBatchNorm
from micronet_edge.quantization.recipe import INT8
from micronet_edge.targets.protocol import FLOAT32

KEEPS_HARD_SWISH = ("onnx",)
"""Formats whose integer files compute a hard swish in float, as one operator."""

KEEPS_LAYERS = ("c",)
"""Formats that compute a hard swish in integers as one layer."""

KEEPS_COMMON_GRAPH = ("tflite",)
"""Formats whose own quantized graph does not make baselines faster."""

_PRECISIONS = (FLOAT32, INT8)
_COMMON: tuple[Pass, ...] = (Canonicalize(), FoldBatchNorm(), FreezeHardSigmoid(), FoldFactors())
_DECOMPOSED: tuple[Pass, ...] = (*_COMMON, Decompose(INTEGER_COSTS))


def prepared(network: nn.Module, file_format: str, precision: str, size: int) -> nn.Module:
    """Rewrites the baseline for a file of images of size x size pixels.

    The common pipelines then find nothing to change in it.

    Raises SettingsError on a precision in which baselines are not written.
    """
    if precision not in _PRECISIONS:
        raise SettingsError(f"baselines are written in {' and '.join(_PRECISIONS)}, not {precision}")
    return lower(network, _rewrites(file_format, precision), size).network


def _rewrites(file_format: str, precision: str) -> tuple[Pass, ...]:
    if precision == FLOAT32 or file_format in KEEPS_LAYERS:
        return _COMMON
    # Once it is decomposed, the factor of a hard swish can be folded as well.
    return _DECOMPOSED if file_format in KEEPS_HARD_SWISH else (*_DECOMPOSED, FoldFactors())
