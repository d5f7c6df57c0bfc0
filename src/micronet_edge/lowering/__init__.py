"""From a trained network to the form that a target writes: exact rewrites, applied in a fixed order."""

from micronet_edge.lowering.contract import Applied, Lowered, Rewrite, apply, lower
from micronet_edge.lowering.costs import ONNXRUNTIME_CPU, PORTABLE_CPU, XNNPACK, Costs
from micronet_edge.lowering.densify_groups import DensifyGroups
from micronet_edge.lowering.drop_training_layers import DropTrainingLayers
from micronet_edge.lowering.fold_batch_norm import FoldBatchNorm
from micronet_edge.lowering.freeze_shift_max import FreezeShiftMax
from micronet_edge.lowering.merge_factorized_convolution import MergeFactorizedConvolution
from micronet_edge.lowering.relabel_channels import RelabelChannels
from micronet_edge.lowering.unroll_shift_max import (
    GatheredShiftMax,
    SlicedShiftMax,
    UnrollShiftMax,
)
from micronet_edge.lowering.widen_producers import WidenProducers


def _pipeline(costs: Costs, form: type[SlicedShiftMax]) -> tuple[Rewrite, ...]:
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
        UnrollShiftMax(form),
    )


ONNXRUNTIME = _pipeline(ONNXRUNTIME_CPU, GatheredShiftMax)
PORTABLE = _pipeline(PORTABLE_CPU, SlicedShiftMax)
TFLITE = _pipeline(XNNPACK, SlicedShiftMax)

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
