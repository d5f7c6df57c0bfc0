"""What XNNPACK calls the operators it makes of a TFLite file's.

Source: google/XNNPACK, include/xnnpack/operator-type-defs.inc (the names), and what LiteRT 2.3's delegate
made of the operators below, seen in its profiler.
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
"""The operators that can do a TFLite operator's work, by their names without layout and kernel."""

VANISHING = frozenset(
    {"PAD", "PADV2", "RESHAPE", "EXPAND_DIMS", "SQUEEZE", "TRANSPOSE", "QUANTIZE", "DEQUANTIZE"}
)
"""What XNNPACK may fold into a neighbour: a convolution's padding, a shape, an order, a second rounding."""

BEFORE = frozenset({"Static Reshape", "Transpose", "Convert"})
"""What XNNPACK may put in front of an operator to bring its input into the shape or the numbers it wants."""
AFTER = frozenset({"Clamp", "Static Reshape", "Transpose", "Convert"})
"""What XNNPACK may put after an operator: its activation, its output's shape or numbers."""

LOOKED_UP = "Invalid Unary Op"
"""How XNNPACK calls a table of 256 numbers: a chain of 8-bit operators on one input, made one look-up."""
ELEMENTWISE = frozenset(
    {"ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1"}
    | {"ABS", "NEG", "LOGISTIC", "TANH", "HARD_SWISH", "LEAKY_RELU", "ELU", "GELU", "QUANTIZE", "DEQUANTIZE"}
)
"""What may become part of such a table."""

SEVERAL = frozenset({"SPLIT", "CONCATENATION", "BATCH_MATMUL"})
"""Operators that may become several of the same kind, one for each piece."""


def kind_of(name: str) -> str:
    """The operator in `Convolution (NHWC, QC8) IGEMM`, without layout, numbers and kernel."""
    return name.partition(" (")[0].strip()
