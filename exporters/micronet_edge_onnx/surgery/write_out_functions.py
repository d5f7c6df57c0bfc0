"""Inlines a model's own functions."""

import onnx
from onnx import inliner

from micronet_edge_onnx.surgery.hoist_constants import hoist_constants


def without_functions(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its own functions inlined; the operators of a call are named after the call.

    Constants of the functions become initializers of the graph.
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
