"""From a trained network to the form that a target writes: exact rewrites, applied in a fixed order."""

from micronet_edge.lowering.contract import Applied, Lowered, Rewrite, apply, lower
from micronet_edge.lowering.costs import Costs
from micronet_edge.lowering.densify_groups import DensifyGroups
from micronet_edge.lowering.drop_training_layers import DropTrainingLayers
from micronet_edge.lowering.fill_blocks import FillBlocks
from micronet_edge.lowering.flatten_last import FlattenLast
from micronet_edge.lowering.fold_batch_norm import FoldBatchNorm
from micronet_edge.lowering.freeze_shift_max import FreezeShiftMax
from micronet_edge.lowering.merge_behind_columns import MergeBehindColumns
from micronet_edge.lowering.merge_factorized_convolution import MergeFactorizedConvolution
from micronet_edge.lowering.relabel_channels import RelabelChannels
from micronet_edge.lowering.repeat_channels import RepeatChannels
from micronet_edge.lowering.spell_out_layers import SpellOutLayers
from micronet_edge.lowering.tuning import SHIPPED, Tuning
from micronet_edge.lowering.unroll_shift_max import (
    GatheredShiftMax,
    SlicedShiftMax,
    UnrollShiftMax,
)
from micronet_edge.lowering.widen_producers import WidenProducers


def _pipeline(costs: Costs, *last: Rewrite) -> tuple[Rewrite, ...]:
    block = costs.depthwise_block
    return (
        DropTrainingLayers(),
        FoldBatchNorm(),
        # Wants plain convolutions, so after the norms.
        MergeBehindColumns() if block else MergeFactorizedConvolution(),
        FreezeShiftMax(),
        # Puts a shuffle between convolutions and the activations that scale them, so after these.
        *([RepeatChannels()] if block else []),
        DensifyGroups(costs),
        # Wants the activations still whole and the groups decided.
        RelabelChannels(costs),
        # Wants to know how scattered the shifts remain.
        WidenProducers(costs),
        # Wants the channels in their last order.
        *([FillBlocks(block)] if block else []),
        *last,
    )


def onnxruntime(tuning: Tuning, *, fixed_batch: bool = True) -> tuple[Rewrite, ...]:
    """For ONNX Runtime, in float."""
    rewrites = _pipeline(tuning.onnxruntime, FlattenLast(), UnrollShiftMax(GatheredShiftMax))
    return tuple(each for each in rewrites if fixed_batch or not isinstance(each, MergeBehindColumns))


def portable(tuning: Tuning) -> tuple[Rewrite, ...]:
    """For any runtime that reads ONNX."""
    return _pipeline(tuning.portable, UnrollShiftMax(SlicedShiftMax))


def tflite(tuning: Tuning) -> tuple[Rewrite, ...]:
    """For LiteRT with XNNPACK, in float."""
    return _pipeline(tuning.xnnpack, SpellOutLayers(tuning.xnnpack, rounded=False))


def integer(costs: Costs) -> tuple[Rewrite, ...]:
    """For all targets' integer files: what is calibrated once is the same network in every one of them."""
    return _pipeline(costs, SpellOutLayers(costs))


ONNXRUNTIME, PORTABLE, TFLITE = onnxruntime(SHIPPED), portable(SHIPPED), tflite(SHIPPED)
INTEGER = integer(SHIPPED.xnnpack_int8)

__all__ = [
    "INTEGER",
    "ONNXRUNTIME",
    "PORTABLE",
    "SHIPPED",
    "TFLITE",
    "Applied",
    "Costs",
    "Lowered",
    "Rewrite",
    "Tuning",
    "apply",
    "integer",
    "lower",
    "onnxruntime",
    "portable",
    "tflite",
]
