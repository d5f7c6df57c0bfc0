"""XNNPACK's names for the operators it creates from a TFLite file.

Source: google/XNNPACK, include/xnnpack/operator-type-defs.inc (the names), and the profiler's output of
LiteRT 2.3's delegate for the operators below.
"""

from __future__ import annotations

_CONVOLUTIONS = ("Convolution", "Fully Connected")
_MOVES = ("Slice", "Copy", "Static Slice")

MADE_OF: dict[str, tuple[str, ...]] = {
    "ABS": ("Abs",),
    "ADD": ("Add",),
    "AVERAGE_POOL_2D": ("Average Pooling", "Global Average Pooling", "Mean"),
    "BATCH_MATMUL": ("Batch Matrix Multiply", "Fully Connected", "Dynamic Fully Connected"),
    "CONCATENATION": ("Copy", "Concatenate"),
    "CONV_2D": _CONVOLUTIONS,
    "DEPTHWISE_CONV_2D": _CONVOLUTIONS,
    "DEQUANTIZE": ("Convert",),
    "DIV": ("Divide",),
    "ELU": ("ELU",),
    "EXPAND_DIMS": ("Copy", "Static Expand Dims", "Static Reshape"),
    "FULLY_CONNECTED": ("Fully Connected", "Dynamic Fully Connected"),
    "GELU": ("GELU",),
    "HARD_SWISH": ("HardSwish",),
    "LEAKY_RELU": ("Leaky ReLU",),
    "LOGISTIC": ("Sigmoid",),
    "MAXIMUM": ("Maximum",),
    "MAX_POOL_2D": ("Max Pooling",),
    "MEAN": ("Mean", "Global Average Pooling"),
    "MINIMUM": ("Minimum",),
    "MUL": ("Multiply",),
    "NEG": ("Negate",),
    "PAD": ("Constant Pad",),
    "PADV2": ("Constant Pad",),
    "PRELU": ("PReLU",),
    "QUANTIZE": ("Convert",),
    "REDUCE_MAX": ("Max", "Reduce Max"),
    "RELU": ("Clamp",),
    "RELU6": ("Clamp",),
    "RELU_0_TO_1": ("Clamp",),
    "RELU_N1_TO_1": ("Clamp",),
    "RESHAPE": ("Static Reshape", "Copy"),
    "RESIZE_BILINEAR": ("Resize Bilinear", "Static Resize Bilinear"),
    "SLICE": _MOVES,
    "SOFTMAX": ("SoftMax", "Softmax"),
    "SPLIT": _MOVES,
    "SQUEEZE": ("Static Reshape", "Copy"),
    "STRIDED_SLICE": _MOVES,
    "SUB": ("Subtract",),
    "SUM": ("Sum",),
    "TANH": ("Tanh",),
    "TRANSPOSE": ("Transpose",),
    "TRANSPOSE_CONV": ("Deconvolution",),
}
"""The XNNPACK operators that can replace a TFLite operator, without layout and kernel."""

VANISHING = frozenset(
    {"PAD", "PADV2", "RESHAPE", "EXPAND_DIMS", "SQUEEZE", "TRANSPOSE", "QUANTIZE", "DEQUANTIZE"}
)
"""TFLite operators that XNNPACK may fold into a neighbour: padding, reshape, transpose, quantize."""

BEFORE = frozenset({"Static Reshape", "Transpose", "Convert"})
"""Operators that XNNPACK may insert before an operator, to convert its input's shape or type."""
AFTER = frozenset({"Clamp", "Static Reshape", "Transpose", "Convert"})
"""Operators that XNNPACK may insert after an operator: activation, conversion of shape or type."""

LOOKED_UP = "Invalid Unary Op"
"""XNNPACK's name for a look-up table that replaces a chain of 8-bit operators on one input."""
ELEMENTWISE = frozenset(
    {"ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1"}
    | {"ABS", "NEG", "LOGISTIC", "TANH", "HARD_SWISH", "LEAKY_RELU", "ELU", "GELU", "QUANTIZE", "DEQUANTIZE"}
)
"""Operators that may become part of such a table."""

SEVERAL = frozenset({"SPLIT", "CONCATENATION", "BATCH_MATMUL"})
"""Operators that may become several of the same type, one per piece."""


def kind_of(name: str) -> str:
    """The operator type in a name such as `Convolution (NHWC, QC8) IGEMM`."""
    return name.partition(" (")[0].strip()
