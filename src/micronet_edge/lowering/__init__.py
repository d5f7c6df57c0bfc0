"""From a trained network to the form that a target writes: exact passes, applied in a fixed order."""

from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.lowering.cost_model.tuning import SHIPPED, Tuning
from micronet_edge.lowering.ir.pass_base import Applied, Lowered, Pass, apply, lower
from micronet_edge.lowering.passes.decompose import Decompose
from micronet_edge.lowering.passes.densify_groups import DensifyGroups
from micronet_edge.lowering.passes.drop_training_layers import DropTrainingLayers
from micronet_edge.lowering.passes.flatten_last import FlattenLast
from micronet_edge.lowering.passes.fold_batch_norm import FoldBatchNorm
from micronet_edge.lowering.passes.freeze_shift_max import FreezeShiftMax
from micronet_edge.lowering.passes.merge_factorized_convolution import MergeFactorizedConvolution
from micronet_edge.lowering.passes.merge_with_padding_columns import MergeWithPaddingColumns
from micronet_edge.lowering.passes.pad_channels_to_block import PadChannelsToBlock
from micronet_edge.lowering.passes.permute_channels import PermuteChannels
from micronet_edge.lowering.passes.repeat_channels import RepeatChannels
from micronet_edge.lowering.passes.unroll_shift_max import (
    GatheredShiftMax,
    SlicedShiftMax,
    UnrollShiftMax,
)
from micronet_edge.lowering.passes.widen_producers import WidenProducers


def _pipeline(costs: Costs, *last: Pass) -> tuple[Pass, ...]:
    block = costs.depthwise_block
    return (
        DropTrainingLayers(),
        FoldBatchNorm(),
        # Wants plain convolutions, so after the norms.
        MergeWithPaddingColumns() if block else MergeFactorizedConvolution(),
        FreezeShiftMax(),
        # Puts a shuffle between convolutions and the activations that scale them, so after these.
        *([RepeatChannels()] if block else []),
        DensifyGroups(costs),
        # Wants the activations still whole and the groups decided.
        PermuteChannels(costs),
        # Wants to know how scattered the shifts remain.
        WidenProducers(costs),
        # Wants the channels in their last order.
        *([PadChannelsToBlock(block)] if block else []),
        *last,
    )


def onnxruntime(tuning: Tuning, *, fixed_batch: bool = True) -> tuple[Pass, ...]:
    """For ONNX Runtime, in float."""
    passes = _pipeline(tuning.onnxruntime, FlattenLast(), UnrollShiftMax(GatheredShiftMax))
    return tuple(each for each in passes if fixed_batch or not isinstance(each, MergeWithPaddingColumns))


def portable(tuning: Tuning) -> tuple[Pass, ...]:
    """For any runtime that reads ONNX."""
    return _pipeline(tuning.portable, UnrollShiftMax(SlicedShiftMax))


def tflite(tuning: Tuning) -> tuple[Pass, ...]:
    """For LiteRT with XNNPACK, in float."""
    return _pipeline(tuning.xnnpack, Decompose(tuning.xnnpack, rounded=False))


def integer(costs: Costs) -> tuple[Pass, ...]:
    """For all targets' integer files: what is calibrated once is the same network in every one of them."""
    return _pipeline(costs, Decompose(costs))


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
    "Pass",
    "Tuning",
    "apply",
    "integer",
    "lower",
    "onnxruntime",
    "portable",
    "tflite",
]
