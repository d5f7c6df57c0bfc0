"""Primitives: layers of one operator each, into which composite layers decompose."""

from micronet_edge.lowering.ir.primitives.borders import Frame, Pad
from micronet_edge.lowering.ir.primitives.constants import (
    AddConstant,
    Constant,
    Denormalize,
    MaximumConstant,
    MinimumConstant,
    MultiplyConstant,
    StoredTensor,
)
from micronet_edge.lowering.ir.primitives.elementwise import Add, Divide, Maximum, Minimum, Multiply, Subtract
from micronet_edge.lowering.ir.primitives.functions import (
    Absolute,
    Exponential,
    Logarithm,
    ReciprocalSquareRoot,
    SquareRoot,
)
from micronet_edge.lowering.ir.primitives.movement import (
    Channels,
    ChannelsToColumns,
    Columns,
    ColumnsToChannels,
    Concatenate,
    ConcatenateColumns,
    Expand,
    Permute,
    Reshape,
    Slice,
)
from micronet_edge.lowering.ir.primitives.products import (
    DynamicPointwise,
    DynamicPointwiseWeight,
    MatrixProduct,
)
from micronet_edge.lowering.ir.primitives.reductions import Largest, Mean, Reduction, Smallest, Sum
from micronet_edge.lowering.ir.primitives.resize import Resize

__all__ = [
    "Absolute",
    "Add",
    "AddConstant",
    "Channels",
    "ChannelsToColumns",
    "Columns",
    "ColumnsToChannels",
    "Concatenate",
    "ConcatenateColumns",
    "Constant",
    "Denormalize",
    "Divide",
    "DynamicPointwise",
    "DynamicPointwiseWeight",
    "Expand",
    "Exponential",
    "Frame",
    "Largest",
    "Logarithm",
    "MatrixProduct",
    "Maximum",
    "MaximumConstant",
    "Mean",
    "Minimum",
    "MinimumConstant",
    "Multiply",
    "MultiplyConstant",
    "Pad",
    "Permute",
    "ReciprocalSquareRoot",
    "Reduction",
    "Reshape",
    "Resize",
    "Slice",
    "Smallest",
    "SquareRoot",
    "StoredTensor",
    "Subtract",
    "Sum",
]
