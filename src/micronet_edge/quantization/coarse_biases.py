"""Finds layers whose bias has steps too coarse for their output, and what keeps their input unrounded."""

from collections.abc import Collection, Mapping

from torch import fx, nn

from micronet_edge.lowering.ir.graph import calls, inputs_of, module_of
from micronet_edge.quantization.assign_qparams import assign_qparams
from micronet_edge.quantization.layers import layers
from micronet_edge.quantization.qparams import QuantParams, weight_scales
from micronet_edge.quantization.quantized_tensors import result_name, tensor_name

COARSE = 0.25
"""Steps of a layer's output that one step of its bias may be."""

_BYTE = 8


def is_coarse(node: fx.Node, tensor_qparams: Mapping[str, QuantParams]) -> bool:
    """Whether a step of the layer's bias, one of weight times input, is more than COARSE of its output's."""
    layer = module_of(node)
    assert isinstance(layer, nn.Conv2d | nn.Linear)
    steps = (
        weight_scales(layer.weight.detach().numpy()) * tensor_qparams[result_name(inputs_of(node)[0])].scale
    )
    return bool(steps.max() > COARSE * tensor_qparams[result_name(node)].scale)


def coarse_operators(
    network: fx.GraphModule, ranges: Mapping[str, tuple[float, float]], bits: int
) -> tuple[str, ...]:
    """The operators to keep in float for coarse layers that read what a clip of fixed height gives.

    Given    a decomposed network whose channels are evened out already, where that is possible: nearly
             constant ones before a ReLU6 are not
    Result   for each such layer its operators, and those of the layer that makes its input, which would be
             rounded otherwise; none with 16 bits, whose steps are fine enough
    """
    if bits != _BYTE:
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
    """What to tell of the operators that stay in float because of a coarse bias."""
    names = [layer for layer, operators in layers(network).items() if set(operators) <= set(kept)]
    if not names:
        return ()
    note = (
        f"{', '.join(names)}: stay in float32, because nearly constant channels before a ReLU6 make one step "
        f"of a bias more than {COARSE:g} steps of the output"
    )
    return (note,)
