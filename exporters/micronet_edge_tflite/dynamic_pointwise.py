"""How products with a matrix are spared operators that only clip or reshape."""

from torch import fx, nn

from micronet_edge.lowering.ir.graph import inputs_of, module_of
from micronet_edge.lowering.ir.primitives import DynamicPointwise, DynamicPointwiseWeight, Maximum
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import clip_after

_BYTE = 8


def enters_a_matrix(node: fx.Node) -> bool:
    """Whether what the node gives, after its clip, is only put into matrices."""
    readers = (clip_after(node) or node).users
    return bool(readers) and all(isinstance(module_of(reader), DynamicPointwiseWeight) for reader in readers)


def coefficient_qparams(node: fx.Node, quantized: QuantizedNetwork) -> tuple[QuantParams, QuantParams]:
    """The grids of a coefficient as it is computed, and as it is put into the matrix.

    The matrix's own grid is wider than a coefficient's clip. On the first of these the smallest integer
    is the clip's lower bound, on the second the largest one is the upper bound: the numbers saturate as
    the clip cuts them off, in the same steps. 16 bits have no zero points to do so with.
    """
    clip, qparams = module_of(node), quantized.qparams(node)
    if qparams.bits != _BYTE or not isinstance(clip, nn.Hardtanh):
        return qparams, qparams
    low, high = (
        min(
            max(round(bound / qparams.scale), qparams.lowest - qparams.zero_point),
            qparams.highest - qparams.zero_point,
        )
        for bound in (clip.min_val, clip.max_val)
    )
    return QuantParams(qparams.scale, qparams.lowest - low, _BYTE), QuantParams(
        qparams.scale, qparams.highest - high, _BYTE
    )


def is_only_compared(node: fx.Node) -> bool:
    """Whether the node is a product that only meets another one in a maximum: both may stay rows."""
    return isinstance(module_of(node), DynamicPointwise) and all(map(compares_products, node.users))


def compares_products(node: fx.Node) -> bool:
    """Whether the node is the maximum of products with matrices."""
    products = all(isinstance(module_of(source), DynamicPointwise) for source in inputs_of(node))
    return isinstance(module_of(node), Maximum) and products
