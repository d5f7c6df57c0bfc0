"""From a trained network to the form that a target writes: exact rewrites, applied in a fixed order."""

from micronet_edge.lowering.choose_channel_orders import Costs
from micronet_edge.lowering.contract import Applied, Lowered, Rewrite, apply, lower
from micronet_edge.lowering.drop_training_layers import DropTrainingLayers
from micronet_edge.lowering.fold_batch_norm import FoldBatchNorm
from micronet_edge.lowering.freeze_shift_max import FreezeShiftMax
from micronet_edge.lowering.merge_factorized_convolution import MergeFactorizedConvolution
from micronet_edge.lowering.relabel_channels import RelabelChannels
from micronet_edge.lowering.unroll_shift_max import UnrollShiftMax

# Norms go first, for merging and freezing want plain convolutions; channels are relabelled while an
# activation is still one layer.
_COMMON = (DropTrainingLayers(), FoldBatchNorm(), MergeFactorizedConvolution(), FreezeShiftMax())

ONNXRUNTIME: tuple[Rewrite, ...] = (
    *_COMMON,
    RelabelChannels(Costs(shifts_are_free=True)),
    UnrollShiftMax(gather=True),
)
PORTABLE: tuple[Rewrite, ...] = (
    *_COMMON,
    RelabelChannels(Costs()),
    UnrollShiftMax(gather=False),
)
TFLITE: tuple[Rewrite, ...] = PORTABLE

__all__ = [
    "ONNXRUNTIME",
    "PORTABLE",
    "TFLITE",
    "Applied",
    "Costs",
    "Lowered",
    "Rewrite",
    "apply",
    "lower",
]
