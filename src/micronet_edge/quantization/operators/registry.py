"""The table of operators, by the class of the layer.

A layer that is not in the table is quantized as well: `Operator` says how.
"""

from typing import Any

from torch import fx, nn

from micronet_edge.lowering.ir import primitives
from micronet_edge.lowering.ir.graph import module_of
from micronet_edge.lowering.ir.reorder import GatheredReorder, Repeat
from micronet_edge.models import ChannelShuffle
from micronet_edge.quantization.operators.add import AddConstantOperator, AddOperator
from micronet_edge.quantization.operators.call import Layer
from micronet_edge.quantization.operators.clip import HardtanhOperator, ReluOperator
from micronet_edge.quantization.operators.convolution import MatrixOperator
from micronet_edge.quantization.operators.dynamic_pointwise import (
    DynamicPointwiseOperator,
    DynamicPointwiseWeightOperator,
)
from micronet_edge.quantization.operators.function import FUNCTIONS, FunctionOperator
from micronet_edge.quantization.operators.maximum import MaximumOperator
from micronet_edge.quantization.operators.mean import MeanOperator
from micronet_edge.quantization.operators.movement import FrameOperator, MovementOperator
from micronet_edge.quantization.operators.multiply import MultiplyConstantOperator, MultiplyOperator
from micronet_edge.quantization.operators.operator import Operator

_OPERATORS: dict[type[nn.Module], Operator[Any]] = {
    nn.Conv2d: MatrixOperator(),
    nn.Linear: MatrixOperator(),
    nn.ReLU: ReluOperator(),
    nn.Hardtanh: HardtanhOperator(),
    nn.AdaptiveAvgPool2d: MeanOperator(),
    nn.Flatten: MovementOperator(),
    ChannelShuffle: MovementOperator(),
    primitives.Add: AddOperator(),
    primitives.AddConstant: AddConstantOperator(),
    primitives.Multiply: MultiplyOperator(),
    primitives.MultiplyConstant: MultiplyConstantOperator(),
    primitives.Maximum: MaximumOperator(),
    primitives.DynamicPointwise: DynamicPointwiseOperator(),
    primitives.DynamicPointwiseWeight: DynamicPointwiseWeightOperator(),
    primitives.Frame: FrameOperator(),
    primitives.Channels: MovementOperator(),
    primitives.ChannelsToColumns: MovementOperator(),
    primitives.Columns: MovementOperator(),
    primitives.ColumnsToChannels: MovementOperator(),
    primitives.Concatenate: MovementOperator(),
    primitives.ConcatenateColumns: MovementOperator(),
    GatheredReorder: MovementOperator(),
    Repeat: MovementOperator(),
    **dict.fromkeys(FUNCTIONS, FunctionOperator()),
}
_UNKNOWN: Operator[Any] = Operator()


def register(kind: type[Layer], operator: Operator[Layer]) -> None:
    """Makes this the operator of all layers of that class, and of subclasses that have none of their own."""
    _OPERATORS[kind] = operator


def operator_of(layer: Layer) -> Operator[Layer]:
    """The operator of the layer's class, or of the nearest base class that has one."""
    return next((_OPERATORS[kind] for kind in type(layer).__mro__ if kind in _OPERATORS), _UNKNOWN)


def operator_at(node: fx.Node) -> Operator[nn.Module]:
    """The operator that the node calls; the default one for the network's input."""
    layer = module_of(node)
    return _UNKNOWN if layer is None else operator_of(layer)
