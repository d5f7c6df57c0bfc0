"""A lowered network as an ONNX model, by our own writer."""

from typing import TypeGuard

import onnx
from torch import fx, nn

from micronet_edge.lowering.ir.graph import inputs
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge_onnx.format import CLASSIFIER, TensorNames
from micronet_edge_onnx.operators import OPERATORS
from micronet_edge_onnx.writer.file_input import way_into_file
from micronet_edge_onnx.writer.model_writer import ModelWriter
from micronet_edge_onnx.writer.network_writer import write_network
from micronet_edge_onnx.writer.quantized_tensors import QuantizedTensors
from micronet_edge_onnx.writer.tensors import Tensors

_ENDS = "placeholder", "output"


def is_writable(network: nn.Module) -> TypeGuard[fx.GraphModule]:
    """Whether the network is lowered, and has only layers that are written here."""
    if not isinstance(network, fx.GraphModule):
        return False
    outside = {node for given in inputs(network) for node in way_into_file(given)}
    return all(
        node.op in _ENDS or node in outside or OPERATORS.writer(node) is not None
        for node in network.graph.nodes
    )


def float_model(
    network: fx.GraphModule, batch: int | None, names: TensorNames = CLASSIFIER, *, gathers: bool = True
) -> onnx.ModelProto:
    """The model of a lowered network, which computes in float32.

    Args:
        network: Has the shapes of one sample noted, and layers that are written here alone.
        batch: The number of samples; None leaves it open.
        names: Of the inputs and outputs.
        gathers: Whether channels are picked by Gather; otherwise by Slice, which every runtime has.

    Returns:
        The model; the shape of every tensor is noted. It takes and gives float32 in PyTorch's layout, or takes
        what the network says.

    Raises:
        TargetError: The result is no valid model.
    """
    model = write_network(Tensors(network, batch, ModelWriter(names, gathers=gathers)), OPERATORS)
    return onnx.shape_inference.infer_shapes(model, strict_mode=True)


def quantized_model(
    quantized: QuantizedNetwork,
    batch: int | None,
    names: TensorNames = CLASSIFIER,
    *,
    gathers: bool = True,
) -> onnx.ModelProto:
    """The model, with QuantizeLinear and DequantizeLinear wherever a tensor is quantized.

    Args:
        quantized: A quantized network with the shapes of one sample noted.
        batch: The number of samples; None leaves it open.
        names: Of the inputs and outputs.
        gathers: Whether channels are picked by Gather; otherwise by Slice, which every runtime has.

    Returns:
        The model that takes and gives float32 in PyTorch's layout. With 8 bits ONNX Runtime makes integer
        operators of it; with 16 it computes in float32 and only rounds.

    Raises:
        TargetError: A layer has no ONNX operator here.
    """
    return write_network(QuantizedTensors(quantized, batch, ModelWriter(names, gathers=gathers)), OPERATORS)
