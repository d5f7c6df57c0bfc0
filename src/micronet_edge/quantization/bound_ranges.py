"""The range in which a tensor stays for every image, by interval arithmetic."""

from collections.abc import Mapping

from torch import fx

from micronet_edge.lowering.ir.graph import inputs_of, module_of
from micronet_edge.quantization.operators.registry import operator_of
from micronet_edge.quantization.qparams import Range
from micronet_edge.quantization.quantized_tensors import tensor_name

NEAR = 0.05
"""The largest part of its length by which a range is widened to reach a bound.

A wider range saturates less and has a lower resolution. With a quarter, m1 of examples/patches lost 1.0
point of top-1 in TFLite; with a twentieth, no difference is measurable.
"""


def bounds_of(network: fx.GraphModule, image: Range) -> dict[str, Range]:
    """The range in which each tensor of a decomposed network stays, by name.

    Bounds are tight behind a clip. Behind convolutions without a clip they soon are too wide to be of use.

    Args:
        network: a decomposed network.
        image: the range of its input.
    """
    bounds: dict[str, Range] = {}
    for node in network.graph.nodes:
        if node.op == "output":
            continue
        layer = module_of(node)
        inputs = [bounds[tensor_name(source)] for source in inputs_of(node)]
        bounds[tensor_name(node)] = (
            image if layer is None else operator_of(layer).bounds(layer, node, *inputs)
        )
    return bounds


def bounded(ranges: Mapping[str, Range], bounds: Mapping[str, Range]) -> dict[str, Range]:
    """The ranges, widened to a bound that is near: there nothing ever saturates."""
    return {name: _toward(span, bounds.get(name, span)) for name, span in ranges.items()}


def _toward(span: Range, bound: Range) -> Range:
    low, high = span
    least, most = bound
    room = NEAR * (high - low)
    return (
        least if low - room <= least <= low else low,
        most if high <= most <= high + room else high,
    )
