"""What onnx2tf is given in the place of the ONNX file."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from micronet_edge_tflite.converter.convert import nest_concatenations
from micronet_edge_tflite.writer.operator_writer import MOST_CONCATENATED


def concatenation(count):
    """An image's slices of one row each, put one behind another in turn."""
    rows = [f"row{number}" for number in range(count)]
    split = helper.make_node("Split", ["image"], rows, "split", axis=1)
    concat = helper.make_node("Concat", [*rows[1:], rows[0]], ["result"], "roll", axis=1)
    image, result = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, count, 2]) for name in ("image", "result")
    )
    graph = helper.make_graph([split, concat], "graph", [image], [result])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("count", [2, 5, 6, 9, 10, 23])
def test_no_concatenation_has_more_tensors_than_xnnpack_takes(count):
    model = concatenation(count)
    nest_concatenations(model)
    onnx.checker.check_model(model, full_check=True)
    widths = [len(node.input) for node in model.graph.node if node.op_type == "Concat"]
    assert max(widths) <= MOST_CONCATENATED
    assert len(widths) == 1 + max(0, -(-(count - MOST_CONCATENATED) // (MOST_CONCATENATED - 1)))
    image = np.arange(2.0 * count, dtype=np.float32).reshape(1, count, 2)
    (found,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"image": image})
    assert np.array_equal(found, np.roll(image, -1, axis=1))
