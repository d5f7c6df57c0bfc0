"""A call of a layer in integers, and the arithmetic that computes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from torch import Tensor, nn

from micronet_edge.quantization.qparams import WEIGHT_LIMIT, QuantParams
from micronet_edge.quantization.stored_weights import Matrix

Layer = TypeVar("Layer", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class Call(Generic[Layer]):
    """A call of a layer in integers: the quantization parameters of its inputs, in order, and of its result.

    The result is that of the `clip` behind the layer, if one follows. No integer of a weight is larger than
    `weight_limit`.
    """

    layer: Layer
    inputs: tuple[QuantParams, ...]
    result: QuantParams
    arithmetic: "Arithmetic"
    weight_limit: int = WEIGHT_LIMIT
    clip: nn.Module | None = None


class Arithmetic(Protocol):
    """How a runtime computes with integers, to the last bit.

    Every method returns real numbers, through which gradients pass. Rounding them to the quantization
    parameters of the result gives the runtime's integers. Inputs are dequantized; the sensitivity analysis
    leaves single ones unrounded.
    """

    @property
    def bias_limit(self) -> float | None:
        """The largest integer of a bias; see `scales_for_bias`."""
        ...

    def matrix(self, call: Call[Matrix], x: Tensor) -> Tensor:
        """A convolution or a linear layer."""
        ...

    def total(
        self, exact: Tensor, values: Sequence[Tensor], qparams: Sequence[QuantParams], result: QuantParams
    ) -> Tensor:
        """The sum of two tensors, which is `exact` in real numbers."""
        ...

    def product(self, exact: Tensor, qparams: Sequence[QuantParams], result: QuantParams) -> Tensor:
        """The product of two tensors, or a sum of a few products, which is `exact` in real numbers."""
        ...

    def mean(self, call: Call[nn.AdaptiveAvgPool2d], exact: Tensor, x: Tensor) -> Tensor:
        """The mean of each channel, which is `exact` in real numbers."""
        ...

    def function(self, call: Call[Layer], exact: Tensor, x: Tensor) -> Tensor:
        """A function of each number, which is `exact` in real numbers."""
        ...
