"""A network with all that is needed to write or simulate it in integers."""

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
    """A tensor inside a fused kernel: where it is cut off, and its steps in 1, where it is rounded."""

    low: float = -inf
    high: float = inf
    steps: float | None = None


@dataclass(frozen=True, slots=True)
class QuantizedNetwork:
    """A decomposed network and the grid of each rounded tensor.

    The network takes images of that preprocessing. `tensor_qparams` is by tensor name; `float_layers` are
    operators that stay in float32: they read what integers stand for, and what they give is rounded only
    where an integer operator reads it. No integer of a weight is larger than `weight_limit`. Those of
    `integer_weights` have weights of int8 steps all the same, because these are smaller. `half_weights` says
    that the other float layers have theirs in 16 bits where that is enough. `fused_layers` stand inside of an
    activation that one kernel computes: it reads their integers, but keeps what they give in float.
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
        """Whether the node's operator computes in integers; an image is one where integers are read of it."""
        if node.op == "placeholder":
            return any(self.is_integer(reader) for reader in node.users)
        name = tensor_name(node)
        return name not in self.float_layers and name not in self.fused_layers

    def qparams(self, node: fx.Node) -> QuantParams:
        """The grid of what the node gives, after the clip that follows it if there is one."""
        return self.tensor_qparams[result_name(node)]

    def call(self, node: fx.Node, layer: Layer) -> Call[Layer]:
        """The node's call of its layer, with what its operator needs to compute in integers."""
        inputs = tuple(self.qparams(source) for source in inputs_of(node))
        return Call(layer, inputs, self.qparams(node), self.weight_limit)
