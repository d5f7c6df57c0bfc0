"""The pipeline of C files, in integers and in float32."""

from micronet_edge.lowering import Costs, Pass
from micronet_edge.lowering.passes.canonicalize import Canonicalize
from micronet_edge.lowering.passes.decompose import Decompose
from micronet_edge.lowering.passes.fold_batch_norm import FoldBatchNorm
from micronet_edge.lowering.passes.freeze_shift_max import FreezeShiftMax
from micronet_edge.quantization.operators.function import FUNCTIONS
from micronet_edge_c.passes.clip_before_shuffle import ClipBeforeShuffle


def microcontroller(costs: Costs) -> tuple[Pass, ...]:
    """The passes of a network for the kernels here.

    Groups stay groups and factorized convolutions stay factorized: the kernels compute both at the network's
    own multiply-adds. Channels keep their order, since shuffles and shifts are only indices. A function of
    each number stays whole: a table of its 256 results rounds once.
    """
    return (
        Canonicalize(),
        FoldBatchNorm(),
        ClipBeforeShuffle(),
        FreezeShiftMax(),
        Decompose(costs, keeps=FUNCTIONS),
    )
