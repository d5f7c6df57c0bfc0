"""The quantization parameters of dynamic coefficients, whose clip their weight's operators do."""

from types import UnionType

from torch import fx, nn

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.lowering.ir.primitives import DynamicPointwiseWeight
from micronet_edge.quantization.qparams import BYTE, QuantParams
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import clip_after
from micronet_edge_tflite.micro.layers import CoefficientRows


def is_coefficient(node: fx.Node) -> bool:
    """Whether only dynamic pointwise weights read what the node gives, after its clip."""
    return _feeds_only(node, DynamicPointwiseWeight | CoefficientRows)


def coefficient_qparams(node: fx.Node, quantized: QuantizedNetwork) -> tuple[QuantParams, QuantParams]:
    """The quantization parameters of a coefficient as it is computed, and as it stands in the weight.

    The weight's own range is wider than a coefficient's clip. With the first of these the smallest integer
    is the clip's lower bound, with the second the largest one is the upper bound. So the integers saturate
    where the clip cuts off, at the same scale. 16-bit integers have no zero points, and keep their clip.
    Rows of coefficients are clipped together.
    """
    clip, qparams = module_of(node), quantized.qparams(node)
    if qparams.bits != BYTE or not isinstance(clip, nn.Hardtanh) or _feeds_only(node, CoefficientRows):
        return qparams, qparams
    low, high = (
        min(
            max(round(bound / qparams.scale), qparams.lowest - qparams.zero_point),
            qparams.highest - qparams.zero_point,
        )
        for bound in (clip.min_val, clip.max_val)
    )
    return QuantParams(qparams.scale, qparams.lowest - low, BYTE), QuantParams(
        qparams.scale, qparams.highest - high, BYTE
    )


def _feeds_only(node: fx.Node, kinds: type | UnionType) -> bool:
    """Whether only layers of these kinds read what the node gives, after its clip."""
    readers = (clip_after(node) or node).users
    return bool(readers) and all(isinstance(module_of(reader), kinds) for reader in readers)
