"""A network with all that is needed to write or simulate it in integers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import fx

from micronet_edge.preprocessing import Preprocessing
from micronet_edge.quantization.grid import WEIGHT_LIMIT, Grid
from micronet_edge.quantization.rounded_tensors import clip_after, tensor_name


@dataclass(frozen=True, slots=True)
class QuantizedNetwork:
    """A spelled-out network and the grid of each rounded tensor.

    The network takes images of that preprocessing. `grids` is by tensor name; `float_layers` are
    operators that stay in float32: they read what integers stand for, and what they give is rounded only
    where an integer operator reads it. No integer of a weight is larger than `weight_limit`. Those of
    `integer_weights` have weights of int8 steps all the same, because these are smaller.
    """

    network: fx.GraphModule
    preprocessing: Preprocessing
    grids: Mapping[str, Grid]
    float_layers: frozenset[str] = field(default_factory=frozenset)
    weight_limit: int = WEIGHT_LIMIT
    integer_weights: frozenset[str] = field(default_factory=frozenset)

    @property
    def bits(self) -> int:
        """Bits of an activation, 8 or 16."""
        return next(iter(self.grids.values())).bits

    def is_integer(self, node: fx.Node) -> bool:
        """Whether the node's operator computes in integers; an image is one where integers are read of it."""
        if node.op == "placeholder":
            return any(self.is_integer(reader) for reader in node.users)
        return tensor_name(node) not in self.float_layers

    def grid(self, node: fx.Node) -> Grid:
        """The grid of what the node gives, after the clip that follows it if there is one."""
        return self.grids[tensor_name(clip_after(node) or node)]
