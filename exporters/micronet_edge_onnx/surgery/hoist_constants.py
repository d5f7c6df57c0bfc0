"""Makes initializers of a model's Constant nodes."""

import onnx


def hoist_constants(model: onnx.ModelProto) -> None:
    """Makes initializers of constants, so that only what computes is listed as an operator."""
    kept = []
    for node in model.graph.node:
        value = next((each.t for each in node.attribute if each.name == "value"), None)
        if node.op_type != "Constant" or value is None:
            kept.append(node)
            continue
        model.graph.initializer.add().CopyFrom(value)
        model.graph.initializer[-1].name = node.output[0]
    if len(kept) < len(model.graph.node):
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
        del model.graph.node[:]
        model.graph.node.extend(copies)
