"""The pipeline of files for TensorFlow Lite Micro, chosen by what its kernels cost on a Cortex-M4."""

import micronet_edge_tflite.micro.quantization  # noqa: F401 - registers what the passes' layers are in integers
from micronet_edge.lowering import Costs, Pass, common
from micronet_edge.lowering.cost_model.tuning import shipped_tables
from micronet_edge.lowering.passes.decompose import Decompose
from micronet_edge_tflite.passes.pool_by_average import PoolByAverage
from micronet_edge_tflite.passes.sum_shifts_by_depthwise import SumShiftsByDepthwise

TABLE = "micro"
COSTS = shipped_tables("micronet_edge_tflite")[TABLE]
"""In instructions of a Cortex-M4: benchmarks/suites/tflm_estimate.py says where they come from."""


def micro(costs: Costs) -> tuple[Pass, ...]:
    """The passes of a network for TensorFlow Lite Micro, chosen by these costs."""
    return common(costs, Decompose(costs), PoolByAverage(), SumShiftsByDepthwise())
