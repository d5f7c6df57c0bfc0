"""A lowered network as an ONNX model, by our own writer."""

from typing import TypeGuard

import onnx
from torch import fx, nn

from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge_onnx.operators import OPERATORS
from micronet_edge_onnx.writer.model_writer import ModelWriter
from micronet_edge_onnx.writer.network_writer import write_network
from micronet_edge_onnx.writer.quantized_tensors import QuantizedTensors
from micronet_edge_onnx.writer.tensors import Tensors


def is_writable(network: nn.Module) -> TypeGuard[fx.GraphModule]:
    """Whether the network has one input, one output, and only layers that are written here."""
    if not isinstance(network, fx.GraphModule):
        return False
    _, *layers, end = network.graph.nodes
    return end.args[0] in layers and all(OPERATORS.writer(node) is not None for node in layers)


def float_model(network: fx.GraphModule, batch: int | None, *, gathers: bool = True) -> onnx.ModelProto:
    """The model of a lowered network, which computes in float32.

    Args:
        network: Has the shapes of one image noted, and layers that are written here alone.
        batch: The number of images; None leaves it open.
        gathers: Whether channels are picked by Gather; otherwise by Slice, which every runtime has.

    Returns:
        The model that takes `image` float32 [batch, 3, size, size] and gives `logits` float32; the shape of
        every tensor is noted.

    Raises:
        TargetError: The result is no valid model.
    """
    model = write_network(Tensors(network, batch, ModelWriter(gathers=gathers)), OPERATORS)
    return onnx.shape_inference.infer_shapes(model, strict_mode=True)


def quantized_model(
    quantized: QuantizedNetwork, batch: int | None, *, gathers: bool = True
) -> onnx.ModelProto:
    """The model, with QuantizeLinear and DequantizeLinear wherever a tensor is quantized.

    Args:
        quantized: A quantized network with the shapes of one image noted.
        batch: The number of images; None leaves it open.
        gathers: Whether channels are picked by Gather; otherwise by Slice, which every runtime has.

    Returns:
        The model that takes `image` float32 [batch, 3, size, size] and gives `logits` float32. With 8 bits
        ONNX Runtime makes integer operators of it; with 16 it computes in float32 and only rounds.

    Raises:
        TargetError: A layer has no ONNX operator here.
    """
    return write_network(QuantizedTensors(quantized, batch, ModelWriter(gathers=gathers)), OPERATORS)
