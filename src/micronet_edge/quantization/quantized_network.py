"""A network with everything that writing or simulating it in integers needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf

from torch import Tensor, fx, nn

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering.ir.graph import inputs_of, module_of
from micronet_edge.quantization.operators.call import Arithmetic, Call, Layer
from micronet_edge.quantization.qparams import WEIGHT_LIMIT, QuantParams
from micronet_edge.quantization.quantized_tensors import (
    clip_after,
    keeps_qparams,
    result_name,
    tensor_name,
)
from micronet_edge.quantization.xnnpack import XNNPACK


@dataclass(frozen=True, slots=True)
class KernelTensor:
    """A tensor inside a fused kernel: where it saturates, and the inverse of its scale if it is rounded."""

    low: float = -inf
    high: float = inf
    inverse_scale: float | None = None


@dataclass(frozen=True, slots=True)
class QuantizedNetwork:
    """A decomposed network and the quantization parameters of each quantized tensor.

    Attributes:
        network: the decomposed network.
        preprocessing: of the images that it takes, if it does.
        tensor_qparams: by tensor name.
        float_layers: operators that stay in float32. They read dequantized tensors; their results are
            quantized only where an integer operator reads them.
        weight_limit: the largest integer of a weight.
        integer_weights: operators in float32 with a weight of int8, which is smaller.
        half_weights: whether the other operators in float32 have a weight of float16, where that is exact
            enough.
        fused_layers: operators inside of a Dynamic Shift-Max that one kernel computes. It keeps their
            results as `kernels` say.
        kernels: what computes the operators inside of a kernel, and its result.
        arithmetic: of all other operators in integers.
        takes_images: whether its only input is a preprocessed image.
        classifies: whether its only output are the logits of classes.
    """

    network: fx.GraphModule
    preprocessing: Preprocessing
    tensor_qparams: Mapping[str, QuantParams]
    float_layers: frozenset[str] = field(default_factory=frozenset)
    weight_limit: int = WEIGHT_LIMIT
    integer_weights: frozenset[str] = field(default_factory=frozenset)
    half_weights: bool = False
    fused_layers: Mapping[str, KernelTensor] = field(default_factory=dict)
    kernels: "Callable[[QuantizedNetwork], Kernels]" = field(default_factory=lambda: Kernels)
    arithmetic: Arithmetic = XNNPACK
    takes_images: bool = True
    classifies: bool = True

    @property
    def bits(self) -> int:
        """Bits of the inputs, 8 or 16, and of all activations but those that a target widens."""
        return next(iter(self.tensor_qparams.values())).bits

    def is_integer(self, node: fx.Node) -> bool:
        """Whether the operator computes in integers; for an input, whether an integer operator reads it."""
        if node.op == "placeholder":
            return any(self.is_integer(reader) for reader in node.users if reader.op != "output")
        name = tensor_name(node)
        return name not in self.float_layers and name not in self.fused_layers

    def qparams(self, node: fx.Node) -> QuantParams:
        """The quantization parameters of the node's result, or of the clip that follows it if one does."""
        return self.tensor_qparams[result_name(node)]

    def call(self, node: fx.Node, layer: Layer) -> Call[Layer]:
        """The node's call of its layer, with what its operator needs to compute in integers."""
        inputs = tuple(self._read_qparams(source) for source in inputs_of(node))
        clip = clip_after(node)
        return Call(
            layer,
            inputs,
            self.qparams(node),
            self.arithmetic,
            self.weight_limit,
            None if clip is None else module_of(clip),
        )

    def _read_qparams(self, source: fx.Node) -> QuantParams:
        """Those of the numbers that are read: what moves them before a clip leaves them as they are."""
        if keeps_qparams(source) and clip_after(source) is not None:
            return self._read_qparams(source.all_input_nodes[0])
        return self.qparams(source)


class Kernels:
    """The fused kernels of a quantized network. Subclasses say what they compute; here they are none."""

    def __init__(self, quantized: QuantizedNetwork) -> None:
        self.quantized = quantized

    def contain(self, node: fx.Node) -> bool:
        """Whether the node's tensor stays inside of a kernel."""
        return tensor_name(node) in self.quantized.fused_layers

    def compute(self, node: fx.Node) -> bool:
        """Whether a kernel computes the node's tensor: one inside of it, or its result."""
        return self.contain(node) or any(map(self.contain, inputs_of(node)))

    def result(self, _node: fx.Node, layer: nn.Module, *inputs: Tensor) -> Tensor:
        """What a kernel computes of these inputs at this node."""
        computed: Tensor = layer(*inputs)
        return computed

    def kept(self, _node: fx.Node, value: Tensor) -> Tensor:
        """The value as a kernel keeps it inside; the value itself where the node is in none."""
        return value
