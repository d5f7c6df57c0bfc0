"""Reads constants that are stored in float16 back as float32."""

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper


def load_float16(model: onnx.ModelProto) -> None:
    """Puts float32 constants in the place of float16 ones behind a Cast, as ONNX Runtime does at opening.

    The reverse of `store_in_float16`.
    """
    stored = {each.name: each for each in model.graph.initializer}
    for node in [node for node in model.graph.node if node.op_type == "Cast"]:
        constant = stored.get(node.input[0])
        if constant is None or constant.data_type != TensorProto.FLOAT16:
            continue
        values = numpy_helper.to_array(constant).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
        model.graph.node.remove(node)
