"""The quantization parameters of dynamic coefficients, which saturate in the place of a clip."""

from torch import fx, nn

from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.lowering.ir.primitives import DynamicPointwiseWeight
from micronet_edge.quantization.qparams import BYTE, QuantParams
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import clip_after


def is_coefficient(node: fx.Node) -> bool:
    """Whether only dynamic pointwise weights read what the node gives, after its clip."""
    readers = (clip_after(node) or node).users
    return bool(readers) and all(isinstance(module_of(reader), DynamicPointwiseWeight) for reader in readers)


def coefficient_qparams(node: fx.Node, quantized: QuantizedNetwork) -> tuple[QuantParams, QuantParams]:
    """The quantization parameters of a coefficient as it is computed, and as it stands in the weight.

    The weight's own range is wider than a coefficient's clip. With the first of these the smallest integer
    is the clip's lower bound, with the second the largest one is the upper bound. So the integers saturate
    where the clip cuts off, at the same scale. 16-bit integers have no zero points, and keep their clip.
    """
    clip, qparams = module_of(node), quantized.qparams(node)
    if qparams.bits != BYTE or not isinstance(clip, nn.Hardtanh):
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
