"""What the quantization asks of an operator; the defaults hold for a layer that it does not know."""

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from math import inf
from typing import ClassVar, Generic

from torch import Tensor, fx

from micronet_edge.quantization.operators.call import Call, Layer
from micronet_edge.quantization.qparams import QuantParams, Range
from micronet_edge.quantization.stored_weights import applied


class ResultQParams(Enum):
    """Where the quantization parameters of an operator's result come from."""

    OWN = auto()
    """From the calibrated range of the result."""
    FROM_INPUTS = auto()
    """From the inputs: the operator only moves numbers. Inputs of several ranges are SHARED."""
    SHARED = auto()
    """From the calibrated range of the result; inputs that nothing else reads get the same."""


class WeightStorage(StrEnum):
    """How a file stores the weight of an operator that computes in float32."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"


class Operator(Generic[Layer]):
    """Computes in float32 on dequantized inputs, and its result has quantization parameters of its own.

    Subclasses override what differs, and stand in the registry with the classes of their layers.
    """

    result_qparams: ClassVar[ResultQParams] = ResultQParams.OWN

    is_symmetric: ClassVar[bool] = False
    """Whether the zero point of the result must be 0."""

    fixed_result: ClassVar[Mapping[int, QuantParams]] = {}
    """The only quantization parameters that runtimes give the result, by the bits of an activation."""

    has_integer_form: ClassVar[bool] = True
    """Whether any runtime computes the operator in integers; else it stays in float32."""

    is_clip: ClassVar[bool] = False
    """Whether the operator only limits its input, as the saturation of the operator before it does."""

    smallest_input_ratio: ClassVar[float] = 0.0
    """The scale of an input must be at least this part of the scale of the result."""

    def bounds(self, _layer: Layer, _node: fx.Node, *_inputs: Range) -> Range:
        """The ends between which the result stays for every image, given those of the inputs."""
        return -inf, inf

    def accumulator_scale(self, _call: Call[Layer]) -> float:
        """The largest scale of the integers that are rescaled to the result; 0 if nothing is rescaled."""
        return 0.0

    def stored(self, _call: Call[Layer]) -> Mapping[str, Tensor]:
        """The layer's tensors as an integer file stores them, dequantized, by name; others are exact."""
        return {}

    def in_integers(self, call: Call[Layer], *inputs: Tensor) -> Tensor:
        """The result of the integer operator, before it is rounded to its quantization parameters.

        Args:
            call: the layer and the quantization parameters.
            inputs: dequantized tensors.

        Returns:
            Real numbers, through which gradients pass. Rounding them gives the integers of the file.
        """
        return applied(call.layer, self.stored(call), *inputs)

    def in_float(self, layer: Layer, _storage: WeightStorage, *inputs: Tensor) -> Tensor:
        """The result of the operator in float32, with a weight that a file stores like this."""
        return applied(layer, {}, *inputs)


def hull(*ranges: Range) -> Range:
    """The smallest range that holds all of these."""
    return min(low for low, _ in ranges), max(high for _, high in ranges)
