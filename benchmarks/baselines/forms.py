"""The form of each peer, by precision and format: the fastest measured, but for one case named at the end.

Every format: the hard sigmoid becomes a bias and a clip of the convolution before it, its 1/6 goes into the
convolution behind. As an operator of its own LiteRT's XNNPACK does not take it, and a float file falls into
10 pieces.

Hard swish, on one x86-64 core with AVX2 and without VNNI:
- float, TFLite: its own operator, 1.1 times as fast as ADD with RELU6 and MUL.
- float, ONNX: its own operator, which ONNX Runtime computes on the way out of a convolution; as HardSigmoid
  and Mul it is the same, as Add, Clip and Mul 1.2 to 1.6 times as slow, as a convolution of one pixel and
  channel with a clip, times x, 1.1 times as slow.
- int8, TFLite: ADD with RELU6, then MUL whose 1/6 the convolutions behind take over. Its own operator has no
  integer kernel in XNNPACK: 20 pieces, 2.1 times as slow. In float between DEQUANTIZE and QUANTIZE it takes
  the same time, at the same noise.
- int8, ONNX: in float, as its own operator; step by step 1.1 to 1.6 times as slow, in integers 3 to 4 times.

The finer stem that TFLite's integer form gives a MicroNet takes away most of that network's noise; of a
peer's it takes 0.5 dB at most, for 6 to 12 % of its time, so peers go without. ONNX's form, which chooses
what stays in float, is theirs as well; with linear layers alone in integers MobileNetV3-Small 0.5 would be
11 % faster on this core, whose integer products are slow, and with all convolutions 1.2 times as slow.
"""

from torch import nn

from baselines.building import SIZE
from baselines.fold_factors import FoldFactors
from baselines.freeze_hard_sigmoid import FreezeHardSigmoid
from micronet_edge.errors import SettingsError
from micronet_edge.lowering import Pass, lower
from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS
from micronet_edge.lowering.passes.decompose import Decompose
from micronet_edge.lowering.passes.drop_training_layers import DropTrainingLayers
from micronet_edge.lowering.passes.fold_batch_norm import FoldBatchNorm
from micronet_edge.quantization.recipe import INT8
from micronet_edge.targets.protocol import FLOAT32

KEEPS_HARD_SWISH = ("onnx",)
"""Formats whose integer files compute a hard swish in float, as one operator."""

KEEPS_COMMON_FORM = ("tflite",)
"""Formats whose own integer form does not pay for peers."""

_PRECISIONS = (FLOAT32, INT8)
_COMMON: tuple[Pass, ...] = (DropTrainingLayers(), FoldBatchNorm(), FreezeHardSigmoid(), FoldFactors())
_SPELLED: tuple[Pass, ...] = (*_COMMON, Decompose(INTEGER_COSTS))


def prepared(network: nn.Module, file_format: str, precision: str) -> nn.Module:
    """The peer in its form for a file, which the pipelines of all networks then find nothing to change in.

    Raises SettingsError on a precision that peers have no form for.
    """
    if precision not in _PRECISIONS:
        raise SettingsError(f"peers are written in {' and '.join(_PRECISIONS)}, not {precision}")
    return lower(network, _rewrites(file_format, precision), SIZE).network


def _rewrites(file_format: str, precision: str) -> tuple[Pass, ...]:
    if precision == FLOAT32:
        return _COMMON
    # Once it is decomposed, the factor of a hard swish can go as well.
    return _SPELLED if file_format in KEEPS_HARD_SWISH else (*_SPELLED, FoldFactors())
