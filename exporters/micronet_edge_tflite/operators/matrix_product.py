"""BATCH_MATMUL of two computed matrices, either of which may be stored transposed."""

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.lowering.ir.primitives import MatrixProduct
from micronet_edge_tflite.operators import OPERATORS, in_integers
from micronet_edge_tflite.writer.axis_order import Order, same_memory
from micronet_edge_tflite.writer.call import Call

in_integers(MatrixProduct)


@OPERATORS.writes(MatrixProduct)
def write(_layer: MatrixProduct, call: Call) -> None:
    plain = tuple(range(call.rank(call.node)))
    (x, adj_x), (y, adj_y) = (_matrices(call, place, plain) for place in (0, 1))
    settings = {"adjX": adj_x, "adjY": adj_y}
    call.write("BATCH_MATMUL", [x, y], call.result(plain), schema.BatchMatMulOptionsT, **settings)


def _matrices(call: Call, place: int, plain: Order) -> tuple[int, bool]:
    """The matrices, and whether they are stored transposed.

    Where they must be brought into another order, the one is chosen that keeps the last stored axis.
    """
    transposed = (*plain[:-2], plain[-1], plain[-2])
    native, shape = call.order(place), call.tensors.full_shape(call.sources[place])
    is_transposed = native[-1] == plain[-2] and not same_memory(shape, native, plain)
    return call.read(place, transposed if is_transposed else plain), is_transposed
