"""BATCH_MATMUL: rows of channels times a matrix of each image's own."""

from collections.abc import Sequence

from ai_edge_litert import schema_py_generated as schema
from torch import fx

from micronet_edge.counting import arithmetic
from micronet_edge.counting.graph import Arithmetic, Tensor
from micronet_edge.lowering.ir.graph import inputs_of, module_of
from micronet_edge.lowering.ir.primitives import DynamicPointwise, Maximum
from micronet_edge_tflite.counting.formulas import Formula
from micronet_edge_tflite.micro.layers import ShiftedSum
from micronet_edge_tflite.operators import ALL_BITS, IN_LITERT, OPERATORS, in_integers
from micronet_edge_tflite.operators.reshape import reshape
from micronet_edge_tflite.writer.call import Call

_PRODUCTS = (DynamicPointwise, ShiftedSum)
"""Layers whose result is rows, one for each pixel, until a reader wants a map."""


def _formula(options: object, inputs: Sequence[Tensor], result: Tensor) -> Arithmetic:
    shape = inputs[0].shape
    summed = -2 if getattr(options, "adjX", False) else -1
    return arithmetic.matrix_product(result, shape[summed] if shape else 1)


OPERATORS.names("BATCH_MATMUL", formula=Formula(_formula), allowed_in=IN_LITERT)

in_integers(DynamicPointwise, bits=ALL_BITS)


@OPERATORS.writes(DynamicPointwise)
def write(_layer: DynamicPointwise, call: Call) -> None:
    """Rows [n, 1, h * w, c] times the transpose of the weight [n, 1, d, c]."""
    _, weight = call.inputs
    rows = _rows(call)
    product = call.tensor("product", rows_shape(call.shape), call.qparams)
    call.write("BATCH_MATMUL", [rows, weight], product, schema.BatchMatMulOptionsT, adjY=True)
    if is_only_compared(call.node):
        call.tensors.set_result(call.node, product, integer=call.integer)
    else:
        reshape(call, product, call.shape, call.result())


def rows_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape [n, 1, h * w, c] of a map [n, h, w, c] as rows of channels, one for each pixel."""
    batch, height, width, channels = shape
    return batch, 1, height * width, channels


def is_only_compared(node: fx.Node) -> bool:
    """Whether the node is a product that only a maximum of products reads: both may stay rows."""
    return isinstance(module_of(node), _PRODUCTS) and all(map(compares_products, node.users))


def compares_products(node: fx.Node) -> bool:
    """Whether the node is the maximum of such products."""
    products = all(isinstance(module_of(source), _PRODUCTS) for source in inputs_of(node))
    return isinstance(module_of(node), Maximum) and products


def _rows(call: Call) -> int:
    """The map as rows, which all products of it read."""
    x, as_rows = call.inputs[0], call.tensors.as_rows
    if x not in as_rows:
        source = call.sources[0]
        shape = rows_shape(call.tensors.shape(source))
        as_rows[x] = call.tensor("rows", shape, call.qparams_of(source))
        reshape(call, x, shape, as_rows[x])
    return as_rows[x]
