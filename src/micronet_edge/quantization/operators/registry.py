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
from micronet_edge.quantization.operators.float_alone import FLOAT_ALONE, FloatOperator
from micronet_edge.quantization.operators.function import FUNCTION_OPERATORS
from micronet_edge.quantization.operators.matrix_product import MatrixProductOperator
from micronet_edge.quantization.operators.maximum import (
    MaximumConstantOperator,
    MaximumOperator,
    MinimumConstantOperator,
    MinimumOperator,
)
from micronet_edge.quantization.operators.mean import MeanOperator
from micronet_edge.quantization.operators.movement import (
    AveragePoolOperator,
    FrameOperator,
    MovementOperator,
    PadOperator,
)
from micronet_edge.quantization.operators.multiply import MultiplyConstantOperator, MultiplyOperator
from micronet_edge.quantization.operators.operator import Operator
from micronet_edge.quantization.operators.prelu import PreluOperator
from micronet_edge.quantization.operators.reduction import MeanAlongAxesOperator, SumOperator
from micronet_edge.quantization.operators.softmax import SoftmaxOperator
from micronet_edge.quantization.operators.stored_tensor import StoredTensorOperator
from micronet_edge.quantization.operators.subtract import SubtractOperator

_MOVEMENTS: tuple[type[nn.Module], ...] = (
    nn.Flatten,
    nn.MaxPool2d,
    nn.PixelShuffle,
    nn.PixelUnshuffle,
    ChannelShuffle,
    primitives.Channels,
    primitives.ChannelsToColumns,
    primitives.Columns,
    primitives.ColumnsToChannels,
    primitives.Concatenate,
    primitives.ConcatenateColumns,
    primitives.Expand,
    primitives.Largest,
    primitives.Permute,
    primitives.Reshape,
    primitives.Resize,  # bilinear as well: LiteRT's kernel takes means of neighbours on the input's levels
    primitives.Slice,
    primitives.Smallest,
    GatheredReorder,
    Repeat,
)

_OPERATORS: dict[type[nn.Module], Operator[Any]] = {
    nn.Conv2d: MatrixOperator(),
    nn.ConvTranspose2d: MatrixOperator(),
    nn.Linear: MatrixOperator(),
    nn.ReLU: ReluOperator(),
    nn.Hardtanh: HardtanhOperator(),
    nn.PReLU: PreluOperator(),
    nn.Softmax: SoftmaxOperator(),
    nn.AdaptiveAvgPool2d: MeanOperator(),
    nn.AvgPool2d: AveragePoolOperator(),
    primitives.Add: AddOperator(),
    primitives.AddConstant: AddConstantOperator(),
    primitives.Subtract: SubtractOperator(),
    primitives.Multiply: MultiplyOperator(),
    primitives.MultiplyConstant: MultiplyConstantOperator(),
    primitives.Maximum: MaximumOperator(),
    primitives.MaximumConstant: MaximumConstantOperator(),
    primitives.Minimum: MinimumOperator(),
    primitives.MinimumConstant: MinimumConstantOperator(),
    primitives.Mean: MeanAlongAxesOperator(),
    primitives.Sum: SumOperator(),
    primitives.MatrixProduct: MatrixProductOperator(),
    primitives.DynamicPointwise: DynamicPointwiseOperator(),
    primitives.DynamicPointwiseWeight: DynamicPointwiseWeightOperator(),
    primitives.Frame: FrameOperator(),
    primitives.Pad: PadOperator(),
    primitives.StoredTensor: StoredTensorOperator(),
    **dict.fromkeys(_MOVEMENTS, MovementOperator()),
    **FUNCTION_OPERATORS,
    **dict.fromkeys(FLOAT_ALONE, FloatOperator()),
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
