"""The pipeline of float files, for LiteRT with XNNPACK."""

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering import Costs, Pass, common, reading_pixels
from micronet_edge.lowering.passes.decompose import Decompose
from micronet_edge_tflite.passes.fold_mean import FoldMean
from micronet_edge_tflite.passes.join_mirrors import JoinMirrors


def xnnpack(costs: Costs) -> tuple[Pass, ...]:
    """The passes of a network that computes in float, chosen by these costs."""
    return common(costs, Decompose(costs, rounded=False), JoinMirrors())


def xnnpack_from_pixels(costs: Costs, preprocessing: Preprocessing, white: float) -> tuple[Pass, ...]:
    """The same for a file that takes pixels from 0 to `white`."""
    passes = reading_pixels(xnnpack(costs), preprocessing, white)
    # At the end the first convolution has its last shape, and its border is added already.
    return (*passes, FoldMean())
