"""From a trained network to the form that a target writes: exact passes, applied in a fixed order."""

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS, SHIPPED, Tuning
from micronet_edge.lowering.ir.pass_base import Applied, Lowered, Pass, apply, lower
from micronet_edge.lowering.passes.canonicalize import Canonicalize
from micronet_edge.lowering.passes.decompose import Decompose
from micronet_edge.lowering.passes.densify_groups import DensifyGroups
from micronet_edge.lowering.passes.fold_batch_norm import FoldBatchNorm
from micronet_edge.lowering.passes.fold_constants import FoldConstants
from micronet_edge.lowering.passes.freeze_shift_max import FreezeShiftMax
from micronet_edge.lowering.passes.keep_maps import KeepMaps
from micronet_edge.lowering.passes.merge_branches import MergeBranches
from micronet_edge.lowering.passes.merge_factorized_convolution import MergeFactorizedConvolution
from micronet_edge.lowering.passes.merge_reshapes import MergeReshapes
from micronet_edge.lowering.passes.permute_channels import PermuteChannels
from micronet_edge.lowering.passes.read_pixels import ReadPixels
from micronet_edge.lowering.passes.recognize_channel_shuffle import RecognizeChannelShuffle
from micronet_edge.lowering.passes.widen_producers import WidenProducers


def common(costs: Costs, *last: Pass) -> tuple[Pass, ...]:
    """The passes that serve every target, and behind them a target's own.

    Given    what operators cost the target's runtime
    Result   a pipeline behind which a Dynamic Shift-Max is one FrozenShiftMax
    """
    return (
        Canonicalize(),
        RecognizeChannelShuffle(),
        FoldBatchNorm(),
        FoldConstants(),
        MergeBranches(),
        KeepMaps(),
        MergeReshapes(),
        MergeFactorizedConvolution(),  # wants plain convolutions, so after the norms
        FreezeShiftMax(),
        DensifyGroups(costs),
        PermuteChannels(costs),  # wants the activations still whole and the groups decided
        WidenProducers(costs),  # wants to know how scattered the shifts remain
        *last,
    )


def reading_pixels(
    pipeline: tuple[Pass, ...], preprocessing: Preprocessing, white: float
) -> tuple[Pass, ...]:
    """The pipeline, for files that take pixels from 0 to `white` instead of normalized images."""
    # Behind the norms the stem is a plain convolution; later passes give it other shapes.
    place = next(place for place, each in enumerate(pipeline) if isinstance(each, FoldConstants)) + 1
    return (*pipeline[:place], ReadPixels(preprocessing, white), *pipeline[place:])


def integer(costs: Costs) -> tuple[Pass, ...]:
    """For all targets' integer files: what is calibrated once is the same network in every one of them."""
    return common(costs, Decompose(costs))


INTEGER = integer(INTEGER_COSTS)

__all__ = [
    "INTEGER",
    "INTEGER_COSTS",
    "SHIPPED",
    "Applied",
    "Costs",
    "Lowered",
    "Pass",
    "Tuning",
    "apply",
    "common",
    "integer",
    "lower",
    "reading_pixels",
]
