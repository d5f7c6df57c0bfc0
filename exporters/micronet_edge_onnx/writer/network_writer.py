"""Writes the layers of a network in order, each by the function that is registered for it."""

import onnx
from torch import fx

from micronet_edge.errors import TargetError
from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.targets.operators import Operators
from micronet_edge_onnx.formula import Formula
from micronet_edge_onnx.writer.call import Call, Write
from micronet_edge_onnx.writer.tensors import Tensors


def write_network(tensors: Tensors, operators: Operators[Write, Formula]) -> onnx.ModelProto:
    """The model of the network.

    Args:
        tensors: The network and how its numbers are stored.
        operators: How layers are written.

    Returns:
        The checked model, which gives float32 tensors in PyTorch's layout, and takes such or what the network
        says.

    Raises:
        TargetError: A layer has no ONNX operator here.
    """
    for node in tensors.to_write():
        tensors.written(node, _write(tensors, operators, node))
    return tensors.model.model(tensors.given(), *tensors.shapes(), takes_bytes=tensors.takes_bytes)


def _write(tensors: Tensors, operators: Operators[Write, Formula], node: fx.Node) -> str:
    whole = tensors.whole(node)
    if whole is not None:
        return whole
    writer, call, layer = operators.writer(node), Call(node, tensors), module_of(node)
    if writer is None:
        kind = node.name if layer is None else type(layer).__name__
        raise TargetError(
            f"{call.name}: no ONNX operator for a {kind}: put a layer that has one in its place"
        )
    return writer.write(layer, call)
