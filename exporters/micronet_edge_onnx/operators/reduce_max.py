"""ReduceMax: the largest over the fusions of a Dynamic Shift-Max that is written as products of matrices."""

from micronet_edge_onnx.formula import Formula, reduction
from micronet_edge_onnx.operators import INTEGER, OPERATORS

OPERATORS.names("ReduceMax", formula=Formula(reduction, data=(0,)), allowed_in=(INTEGER,))
