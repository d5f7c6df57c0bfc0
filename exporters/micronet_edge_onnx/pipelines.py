"""The passes that make a network ready for ONNX Runtime, or for any runtime that reads ONNX."""

from micronet_edge.lowering import Costs, Pass, common
from micronet_edge.lowering.passes.canonicalize import Canonicalize
from micronet_edge.lowering.passes.densify_groups import DensifyGroups
from micronet_edge.lowering.passes.fold_batch_norm import FoldBatchNorm
from micronet_edge.lowering.passes.fold_constants import FoldConstants
from micronet_edge.lowering.passes.freeze_shift_max import FreezeShiftMax
from micronet_edge.lowering.passes.keep_maps import KeepMaps
from micronet_edge.lowering.passes.merge_branches import MergeBranches
from micronet_edge.lowering.passes.merge_reshapes import MergeReshapes
from micronet_edge.lowering.passes.permute_channels import PermuteChannels
from micronet_edge.lowering.passes.recognize_channel_shuffle import RecognizeChannelShuffle
from micronet_edge.lowering.passes.widen_producers import WidenProducers
from micronet_edge_onnx.passes.flatten_last import FlattenLast
from micronet_edge_onnx.passes.fuse_edge_padding import FuseEdgePadding
from micronet_edge_onnx.passes.fuse_log_softmax import FuseLogSoftmax
from micronet_edge_onnx.passes.fuse_normalization import FuseNormalization
from micronet_edge_onnx.passes.fuse_scale_and_offset import FuseScaleAndOffset
from micronet_edge_onnx.passes.merge_with_padding_columns import MergeWithPaddingColumns
from micronet_edge_onnx.passes.multiply_rows import MultiplyRows
from micronet_edge_onnx.passes.pad_channels_to_block import PadChannelsToBlock
from micronet_edge_onnx.passes.repeat_channels import RepeatChannels
from micronet_edge_onnx.passes.unroll_shift_max import GatheredShiftMax, SlicedShiftMax, UnrollShiftMax


def onnxruntime(costs: Costs, *, fixed_batch: bool = True) -> tuple[Pass, ...]:
    """For ONNX Runtime, in float."""
    last = (
        FuseNormalization(),
        FuseScaleAndOffset(),  # what no normalization along the last axes took in
        FuseLogSoftmax(),
        FuseEdgePadding(),
        FlattenLast(),
        MultiplyRows(),
        MergeReshapes(),
        UnrollShiftMax(GatheredShiftMax),
    )
    if not costs.depthwise_block:
        return common(costs, *last)
    return (
        Canonicalize(),
        RecognizeChannelShuffle(),
        FoldBatchNorm(),
        FoldConstants(),
        MergeBranches(),
        KeepMaps(),
        MergeReshapes(),
        *([MergeWithPaddingColumns()] if fixed_batch else []),  # its columns are as many as the images
        FreezeShiftMax(),
        RepeatChannels(),  # puts a shuffle in front of the activations that scale what it repeats
        DensifyGroups(costs),
        PermuteChannels(costs),
        WidenProducers(costs),
        PadChannelsToBlock(costs.depthwise_block),  # needs the channels in their final order
        *last,
    )


def portable(costs: Costs) -> tuple[Pass, ...]:
    """For any runtime that reads ONNX."""
    return common(costs, UnrollShiftMax(SlicedShiftMax))
