"""The costs that each target's pipelines are made by, and these pipelines."""

from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS, shipped_tables
from micronet_edge_onnx.pipelines import onnxruntime, portable
from micronet_edge_tflite.pipelines import xnnpack

ONNXRUNTIME_COSTS = shipped_tables("micronet_edge_onnx")["onnxruntime"]
PORTABLE_COSTS = shipped_tables("micronet_edge_onnx")["portable"]
XNNPACK_COSTS = shipped_tables("micronet_edge_tflite")["xnnpack"]

SHIPPED_TABLES = {
    "integer": INTEGER_COSTS,
    "onnxruntime": ONNXRUNTIME_COSTS,
    "portable": PORTABLE_COSTS,
    "xnnpack": XNNPACK_COSTS,
}
"""All tables, by name."""

ONNXRUNTIME, PORTABLE = onnxruntime(ONNXRUNTIME_COSTS), portable(PORTABLE_COSTS)
ANY_BATCH = onnxruntime(ONNXRUNTIME_COSTS, fixed_batch=False)
XNNPACK = xnnpack(XNNPACK_COSTS)
