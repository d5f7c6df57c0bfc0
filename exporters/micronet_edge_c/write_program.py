"""Writes a quantized network as a program, layer by layer."""

from torch import fx

from micronet_edge.errors import TargetError
from micronet_edge.lowering.ir.composite import regions
from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.lowering.passes.fold_input_normalization import pixels_of
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import is_done_before, tensor_name
from micronet_edge_c.operators import OPERATORS
from micronet_edge_c.operators.shift_max import kernel_nodes, write_shift_max
from micronet_edge_c.program.steps import Program
from micronet_edge_c.writer.call import Call
from micronet_edge_c.writer.network_program import NetworkProgram


def write_program(quantized: QuantizedNetwork, io: str) -> Program:
    """The program of a quantized network.

    Args:
        quantized: the network with its quantization parameters; layers may be in float32.
        io: the C type of the image's elements: int8_t, uint8_t or float.

    Raises:
        TargetError: on a layer that no kernel here computes.
    """
    program = NetworkProgram(quantized, io)
    results = {region.result: region for region in regions(quantized.network)}
    in_kernels = {node for region in results.values() for node in kernel_nodes(region)}
    nodes, pixels = list(quantized.network.graph.nodes), pixels_of(quantized.network)
    # What reads pixels need not normalize them first.
    first = nodes.index(pixels) + 1 if pixels is not None and program.integer_io else 0
    for node in nodes[first:]:
        if node in results:
            write_shift_max(results[node], program)
        elif node.op == "call_module" and not (
            node in in_kernels or is_done_before(node) or program.is_written(node)
        ):
            _write(Call(node, program))
    return program.program()


def _write(call: Call) -> None:
    layer, writer = module_of(call.node), OPERATORS.writer(call.node)
    if writer is None:
        raise TargetError(
            f"{call.name}: no kernel of the C target computes the layer {layer}: put another one in its "
            "place, or export the network with --format tflite"
        )
    writer.write(layer, call)


def unwritten_layer(network: fx.GraphModule) -> str | None:
    """The name of the first layer that no kernel computes; None if there is none."""
    for node in network.graph.nodes:
        if node.op == "call_module" and not is_done_before(node) and OPERATORS.writer(node) is None:
            return tensor_name(node)
    return None
