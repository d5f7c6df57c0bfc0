"""From a trained network to the form that a target writes: exact rewrites, applied in a fixed order."""

from micronet_edge.lowering.contract import Applied, Lowered, Rewrite, apply, lower
from micronet_edge.lowering.costs import ONNXRUNTIME_CPU, PORTABLE_CPU, XNNPACK, XNNPACK_INT8, Costs
from micronet_edge.lowering.densify_groups import DensifyGroups
from micronet_edge.lowering.drop_training_layers import DropTrainingLayers
from micronet_edge.lowering.fold_batch_norm import FoldBatchNorm
from micronet_edge.lowering.freeze_shift_max import FreezeShiftMax
from micronet_edge.lowering.merge_factorized_convolution import MergeFactorizedConvolution
from micronet_edge.lowering.relabel_channels import RelabelChannels
from micronet_edge.lowering.spell_out_layers import SpellOutLayers
from micronet_edge.lowering.unroll_shift_max import (
    GatheredShiftMax,
    SlicedShiftMax,
    UnrollShiftMax,
)
from micronet_edge.lowering.widen_producers import WidenProducers


def _pipeline(costs: Costs, *last: Rewrite) -> tuple[Rewrite, ...]:
    return (
        DropTrainingLayers(),
        FoldBatchNorm(),
        # Wants plain convolutions, so after the norms.
        MergeFactorizedConvolution(),
        DensifyGroups(costs),
        FreezeShiftMax(),
        # Wants the activations still whole and the groups decided.
        RelabelChannels(costs),
        # Wants to know how scattered the shifts remain.
        WidenProducers(costs),
        *last,
    )


ONNXRUNTIME = _pipeline(ONNXRUNTIME_CPU, UnrollShiftMax(GatheredShiftMax))
PORTABLE = _pipeline(PORTABLE_CPU, UnrollShiftMax(SlicedShiftMax))
TFLITE = _pipeline(XNNPACK, UnrollShiftMax(SlicedShiftMax))
# One for all targets: what is calibrated once is the same network in every file.
INTEGER = _pipeline(XNNPACK_INT8, SpellOutLayers(XNNPACK_INT8))

__all__ = [
    "INTEGER",
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
