"""MEAN: the mean of each channel over a map."""

from ai_edge_litert import schema_py_generated as schema
from torch import fx, nn

from micronet_edge.counting import arithmetic
from micronet_edge.lowering.ir.graph import module_of
from micronet_edge_tflite.counting.formulas import Formula, first_input
from micronet_edge_tflite.operators import ALL_BITS, IN_LITERT, OPERATORS, in_integers
from micronet_edge_tflite.writer.call import Call

FORMULA = Formula(lambda _options, inputs, result: arithmetic.mean(inputs[0], result), data=first_input)
OPERATORS.names("MEAN", formula=FORMULA, allowed_in=IN_LITERT)

_HEIGHT_AND_WIDTH = (1, 2)


def _is_global(node: fx.Node) -> bool:
    return getattr(module_of(node), "output_size", None) in {1, (1, 1)}


in_integers(nn.AdaptiveAvgPool2d, bits=ALL_BITS)


@OPERATORS.writes(nn.AdaptiveAvgPool2d, supports=_is_global)
def write(_layer: nn.AdaptiveAvgPool2d, call: Call) -> None:
    result = call.result()
    axes = call.sizes(result, "axes", _HEIGHT_AND_WIDTH)
    call.write("MEAN", [*call.inputs, axes], result, schema.ReducerOptionsT, keepDims=True)
