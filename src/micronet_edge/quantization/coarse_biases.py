"""Finds layers whose bias has too large a scale for their output, and keeps them in float32."""

from collections.abc import Collection, Mapping

from torch import fx, nn

from micronet_edge.lowering.ir.graph import calls, inputs_of, module_of
from micronet_edge.quantization.assign_qparams import assign_qparams
from micronet_edge.quantization.layers import layers
from micronet_edge.quantization.qparams import BYTE, QuantParams, Range, weight_scales
from micronet_edge.quantization.quantized_tensors import result_name, tensor_name

COARSE = 0.25
"""The largest scale of a layer's bias, relative to the scale of its output."""


def is_coarse(node: fx.Node, tensor_qparams: Mapping[str, QuantParams]) -> bool:
    """Whether the scale of the layer's bias, that of weight times input, is too large for its output."""
    layer = module_of(node)
    assert isinstance(layer, nn.Conv2d | nn.Linear)
    input_scale = tensor_qparams[result_name(inputs_of(node)[0])].scale
    bias_scales = weight_scales(layer.weight.detach().numpy()) * input_scale
    return bool(bias_scales.max() > COARSE * tensor_qparams[result_name(node)].scale)


def coarse_operators(network: fx.GraphModule, ranges: Mapping[str, Range], bits: int) -> tuple[str, ...]:
    """The operators to keep in float32 for coarse layers that read a clip of fixed height.

    Args:
        network: a decomposed network, equalized where that is possible. Nearly constant channels before a
            ReLU6 cannot be equalized.
        ranges: by name, of the tensors that have quantization parameters of their own.
        bits: of an activation, 8 or 16.

    Returns:
        The operators of each such layer, and those of the layer that computes its input, which would be
        quantized otherwise. None with 16 bits, whose scales are small enough.
    """
    if bits != BYTE:
        return ()
    tensor_qparams, groups = assign_qparams(network, ranges, bits), layers(network)
    owner = {name: layer for layer, names in groups.items() for name in names}
    found: dict[str, None] = {}
    for node, _ in calls(network, nn.Conv2d):
        source = inputs_of(node)[0]
        if isinstance(module_of(source), nn.Hardtanh) and is_coarse(node, tensor_qparams):
            for each in (source, node):
                found |= dict.fromkeys(groups[owner[tensor_name(each)]])
    return tuple(found)


def notes_on_float(network: fx.GraphModule, kept: Collection[str]) -> tuple[str, ...]:
    """A line for the user about the operators that stay in float32 because of a coarse bias."""
    names = [layer for layer, operators in layers(network).items() if set(operators) <= set(kept)]
    if not names:
        return ()
    note = (
        f"{', '.join(names)}: stay in float32, because nearly constant channels before a ReLU6 give a bias "
        f"a scale of more than {COARSE:g} times the scale of the output"
    )
    return (note,)
