"""Says which layers of an integer file compute in float, since no one asked for that."""

from collections import Counter
from collections.abc import Collection, Mapping

from torch import fx

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.lowering.passes.fold_input_normalization import PIXELS, SCALED
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import keeps_qparams, tensor_name
from micronet_edge.util.text import listed, plural


def notes_on_float_layers(
    target: str, quantized: QuantizedNetwork, asked_for: Collection[str]
) -> tuple[str, ...]:
    """A line about the layers that the target keeps in float on its own, by kind; none if it keeps none.

    It says as well if no layer is left that computes in integers.

    Given    the target's quantized graph, and the layers that the recipe keeps in float anyway
    """
    nodes = {tensor_name(node): node for node in quantized.network.graph.nodes if node.op == "call_module"}
    known = {*asked_for, PIXELS, SCALED}  # a float image becomes pixels before anything is quantized
    kept = [node for name, node in nodes.items() if name in quantized.float_layers and name not in known]
    end = "" if _computes_in_integers(nodes, quantized.float_layers) else _NO_GAIN
    if not kept:
        return (f"{target}: {end}",) if end else ()
    kinds = Counter(type(module_of(node)).__name__ for node in kept)
    words = listed([f"{count} {kind}" for kind, count in kinds.most_common()])
    return (
        (
            f"{target}: {len(kept)} of {plural(len(nodes), 'operator')} in float32, where its runtime has no "
            f"integer form or a slower one: {words}{'; ' if end else ''}{end}"
        ),
    )


_NO_GAIN = "nothing is left to compute in integers, so the file runs no faster than a float32 one"


def _computes_in_integers(nodes: Mapping[str, fx.Node], in_float: Collection[str]) -> bool:
    """Whether an operator computes in integers, and not only moves numbers."""
    moved = {PIXELS, SCALED, *in_float}
    return any(name not in moved and not keeps_qparams(node) for name, node in nodes.items())
