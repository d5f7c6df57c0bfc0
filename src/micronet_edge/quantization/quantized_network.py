"""A network with everything that writing or simulating it in integers needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from torch import fx

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering.ir.graph import inputs_of
from micronet_edge.quantization.operators.operator import Call, Layer
from micronet_edge.quantization.qparams import WEIGHT_LIMIT, QuantParams
from micronet_edge.quantization.quantized_tensors import result_name, tensor_name


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
        preprocessing: of the images that it takes.
        tensor_qparams: by tensor name.
        float_layers: operators that stay in float32. They read dequantized tensors; their results are
            quantized only where an integer operator reads them.
        weight_limit: the largest integer of a weight.
        integer_weights: operators in float32 with a weight of int8, which is smaller.
        half_weights: whether the other operators in float32 have a weight of float16, where that is exact
            enough.
        fused_layers: operators inside of a Dynamic Shift-Max that one kernel computes. It keeps their
            results in float32.
    """

    network: fx.GraphModule
    preprocessing: Preprocessing
    tensor_qparams: Mapping[str, QuantParams]
    float_layers: frozenset[str] = field(default_factory=frozenset)
    weight_limit: int = WEIGHT_LIMIT
    integer_weights: frozenset[str] = field(default_factory=frozenset)
    half_weights: bool = False
    fused_layers: Mapping[str, KernelTensor] = field(default_factory=dict)

    @property
    def bits(self) -> int:
        """Bits of an activation, 8 or 16."""
        return next(iter(self.tensor_qparams.values())).bits

    def is_integer(self, node: fx.Node) -> bool:
        """Whether the operator computes in integers; for the image, whether an integer operator reads it."""
        if node.op == "placeholder":
            return any(self.is_integer(reader) for reader in node.users)
        name = tensor_name(node)
        return name not in self.float_layers and name not in self.fused_layers

    def qparams(self, node: fx.Node) -> QuantParams:
        """The quantization parameters of the node's result, or of the clip that follows it if one does."""
        return self.tensor_qparams[result_name(node)]

    def call(self, node: fx.Node, layer: Layer) -> Call[Layer]:
        """The node's call of its layer, with what its operator needs to compute in integers."""
        inputs = tuple(self.qparams(source) for source in inputs_of(node))
        return Call(layer, inputs, self.qparams(node), self.weight_limit)
