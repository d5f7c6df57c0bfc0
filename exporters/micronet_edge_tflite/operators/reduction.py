"""MEAN, SUM, REDUCE_MAX, REDUCE_MIN along any axes."""

from ai_edge_litert import schema_py_generated as schema

from micronet_edge.counting import arithmetic
from micronet_edge.lowering.ir.primitives import Largest, Mean, Reduction, Smallest, Sum
from micronet_edge_tflite.counting.formulas import Formula, first_input
from micronet_edge_tflite.operators import EVERYWHERE, OPERATORS, in_integers
from micronet_edge_tflite.writer.axis_order import without
from micronet_edge_tflite.writer.call import Call

FORMULA = Formula(lambda _options, inputs, _result: arithmetic.reduction(inputs[0]), data=first_input)
OPERATORS.names("SUM", "REDUCE_MAX", "REDUCE_MIN", formula=FORMULA, allowed_in=EVERYWHERE)

in_integers(Mean, Sum, Largest, Smallest)

_NAMES: dict[type[Reduction], str] = {
    Mean: "MEAN",
    Sum: "SUM",
    Largest: "REDUCE_MAX",
    Smallest: "REDUCE_MIN",
}


@OPERATORS.writes(*_NAMES)
def write(layer: Reduction, call: Call) -> None:
    order, rank = call.order(), call.rank(call.sources[0])
    axes = {axis % rank for axis in layer.axes}
    x = call.read(0)
    qparams = call.qparams_in(x) if isinstance(layer, Largest | Smallest) else call.qparams
    made = order if layer.keeps_axes else without(order, axes)
    with call.result_at(qparams, made) as result:
        places = call.sizes(result, "axes", sorted(order.index(axis) for axis in axes))
        settings = {"keepDims": layer.keeps_axes}
        call.write(_NAMES[type(layer)], [x, places], result, schema.ReducerOptionsT, **settings)
