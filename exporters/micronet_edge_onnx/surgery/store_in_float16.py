"""Stores the weights of a finished model in float16, where float16 holds each of them exactly."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from micronet_edge.lowering.passes.round_to_half import held_by_halves

_ENDING = "halves"  # of their names


def store_in_float16(model: onnx.ModelProto) -> None:
    """Puts a Cast to float32 behind each weight; ONNX Runtime computes it once, when it opens the file."""
    # Columns beside an image are no weights; counting would take them for weights behind a Cast.
    moved = {name for node in model.graph.node if node.op_type == "Concat" for name in node.input}
    stored = []
    for constant in list(model.graph.initializer):
        values = numpy_helper.to_array(constant)
        if values.dtype != np.float32 or constant.name in moved or not held_by_halves(values):
            continue
        name = constant.name
        constant.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}/{_ENDING}"))
        stored.append(helper.make_node("Cast", [constant.name], [name], f"{name}/Cast", to=TensorProto.FLOAT))
    computed = [onnx.NodeProto.FromString(node.SerializeToString()) for node in model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend([*stored, *computed])
