"""Computes in PyTorch what a fused kernel computes of a Dynamic Shift-Max."""

from math import isinf

from torch import Tensor, fx, nn

from micronet_edge.lowering.ir.convolutions import bias_of
from micronet_edge.lowering.ir.graph import inputs_of
from micronet_edge.quantization.fused_arithmetic import channel_means, matrix_product, result_factor
from micronet_edge.quantization.integer_arithmetic import straight_through, whole
from micronet_edge.quantization.operators.call import Call
from micronet_edge.quantization.quantized_network import Kernels, KernelTensor
from micronet_edge.quantization.quantized_tensors import is_clip, tensor_name
from micronet_edge.quantization.stored_weights import applied, stored_in_integers


class FusedKernels(Kernels):
    """Kernels with float32 coefficients, and sums of integer products."""

    def result(self, node: fx.Node, layer: nn.Module, *inputs: Tensor) -> Tensor:
        if is_clip(node):
            return inputs[0]  # the kernel clips at the ends of the tensor that it keeps
        if isinstance(layer, nn.Conv2d):
            return _matrix_product(self.quantized.call(node, layer), *inputs)
        levels = [self._levels(each, value) for each, value in zip(inputs_of(node), inputs, strict=True)]
        if isinstance(layer, nn.AdaptiveAvgPool2d):
            return channel_means(levels[0], self.quantized.qparams(inputs_of(node)[0]))
        found: Tensor = layer(*levels)
        if self.contain(node):
            return found
        scaled = found * result_factor(self.quantized, node)
        return straight_through(scaled, scaled.detach().round()) * self.quantized.qparams(node).scale

    def kept(self, node: fx.Node, value: Tensor) -> Tensor:
        inner = self.quantized.fused_layers.get(tensor_name(node))
        return value if inner is None else _kernel_tensor(value, inner)

    def _levels(self, node: fx.Node, value: Tensor) -> Tensor:
        """The integers that a kernel reads of a tensor outside of it; inside it keeps them already."""
        return value if self.contain(node) else whole(value / self.quantized.qparams(node).scale)


def _matrix_product(call: Call[nn.Conv2d], x: Tensor) -> Tensor:
    (qparams,), layer = call.inputs, call.layer
    scales, stored = stored_in_integers(layer, qparams, call.weight_limit)
    weight = (stored["weight"].detach().flatten(1) / scales[:, None]).round_()
    bias = stored.get("bias", bias_of(layer)).detach()
    return matrix_product(applied(layer, stored, x), x.detach(), weight, scales, bias)


def _kernel_tensor(value: Tensor, inner: KernelTensor) -> Tensor:
    """What a kernel keeps of a tensor inside of it: real numbers, or integers; gradients pass."""
    clipped = value if isinf(inner.low) else value.clamp(inner.low, inner.high)
    if inner.inverse_scale is None:
        return clipped
    levels = clipped * inner.inverse_scale
    return straight_through(levels, levels.detach().round())
