"""The tensors that a file takes and gives, in the types of its ends."""

from ai_edge_litert import schema_py_generated as schema
from torch import fx

from micronet_edge.lowering.ir.graph import inputs, results, shape_of
from micronet_edge.lowering.passes.fold_input_normalization import pixels_of
from micronet_edge.quantization.qparams import BYTE
from micronet_edge.quantization.refine_stem import PIXEL_QPARAMS
from micronet_edge.targets.protocol import FLOAT32, INT8_IO, UINT8_IO, Ends
from micronet_edge_tflite.writer.axis_order import usual
from micronet_edge_tflite.writer.call import Call
from micronet_edge_tflite.writer.clips import write_clip
from micronet_edge_tflite.writer.model_writer import IMAGE
from micronet_edge_tflite.writer.network_tensors import NetworkTensors


def pixels_at_start(network: fx.GraphModule, ends: Ends) -> fx.Node | None:
    """The node whose tensor a file takes, in the place of the network's normalized image.

    A file of int8 quantizes normalized images where no convolution reads them.
    """
    found = None if ends.white is None else pixels_of(network)
    assert found is not None or ends.white is None or ends.io == INT8_IO
    return found


def write_inputs(tensors: NetworkTensors, ends: Ends) -> list[int]:
    """The tensors that the file takes, in order, ready to be read in every form."""
    network, integer = tensors.quantized.network, ends.io != FLOAT32
    pixels = pixels_at_start(network, ends)
    if pixels is not None and ends.io == UINT8_IO:
        return [_unsigned_pixels(tensors, pixels)]
    given = [tensors.result(node, integer=integer) for node in ([pixels] if pixels else inputs(network))]
    for node in inputs(network) if pixels is None else ():
        write_clip(Call(node, tensors, integer=integer))
    return given


def _unsigned_pixels(tensors: NetworkTensors, pixels: fx.Node) -> int:
    """Pixels as cameras give them, and behind them the same numbers in the form that the network reads."""
    given = tensors.writer.unsigned(IMAGE, tensors.shape(pixels), PIXEL_QPARAMS)
    integer = any(map(tensors.quantized.is_integer, pixels.users))
    converted = tensors.result(pixels, integer=integer)
    if integer:
        tensors.writer.write("QUANTIZE", [given], converted, schema.QuantizeOptionsT)
    else:
        tensors.writer.write("DEQUANTIZE", [given], converted, schema.DequantizeOptionsT)
    return given


def write_outputs(tensors: NetworkTensors, given: list[int], ends: Ends) -> list[int]:
    """The tensors of the network's outputs, in order; a runtime wants each to be one, and no input."""
    found: list[int] = []
    for node in results(tensors.quantized.network):
        integer = ends.io == INT8_IO or (ends.io == UINT8_IO and _gives_bytes(tensors, node))
        index = tensors.read(node, integer=integer, order=usual(len(shape_of(node))))
        if integer and ends.io == UINT8_IO:
            index = _unsigned(tensors, index)
        taken = index in given or index in found or tensors.writer.is_constant(index)
        found.append(tensors.copied(node, index) if taken else index)
    return found


def _gives_bytes(tensors: NetworkTensors, node: fx.Node) -> bool:
    """Whether the file computes in integers of 8 bits to its end."""
    return tensors.quantized.is_integer(node) and tensors.quantized.bits == BYTE


def _unsigned(tensors: NetworkTensors, index: int) -> int:
    """The same numbers in unsigned integers."""
    writer = tensors.writer
    qparams = writer.qparams_of(index)
    assert qparams is not None  # an integer tensor has some
    result = writer.unsigned(f"{writer.name_of(index)}/unsigned", writer.shape_of(index), qparams)
    writer.write("QUANTIZE", [index], result, schema.QuantizeOptionsT)
    return result
