"""Writes a model's own functions out in the operators that they consist of."""

import onnx
from onnx import inliner

from micronet_edge_onnx.surgery.hoist_constants import hoist_constants


def without_functions(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without functions of its own; what a call consists of bears the call's name.

    Their constants become the graph's own.
    """
    if not model.functions:
        return model
    functions = {(function.domain, function.name) for function in model.functions}
    calls = [node for node in model.graph.node if (node.domain, node.op_type) in functions]
    outside = {name for node in model.graph.node if node not in calls for name in node.output}
    written = inliner.inline_local_functions(model)
    missing = set(calls[0].output) if calls else set()
    for node in written.graph.node:
        if not calls or outside.intersection(node.output):
            continue
        node.name = f"{calls[0].name}/{node.op_type}"
        missing -= set(node.output)
        if not missing:  # the call has given all its results: what follows is the next one's
            calls = calls[1:]
            missing = set(calls[0].output) if calls else set()
    hoist_constants(written)
    return written
