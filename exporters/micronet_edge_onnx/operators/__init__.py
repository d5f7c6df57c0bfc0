"""The operators of ONNX files, one file each: how they are written, what they compute, where they stand.

To add an operator, add a file that registers it with `OPERATORS`: `writes` a function for each layer that is
written so, `names` what the operator computes and the kinds of our files that may have it.
"""

from micronet_edge.targets.operators import Operators
from micronet_edge_onnx.formula import Formula
from micronet_edge_onnx.writer.call import Write

OPERATORS: Operators[Write, Formula] = Operators(__name__)

PORTABLE, ONNXRUNTIME, FLOAT16, INTEGER, BYTES = "portable", "onnxruntime", "float16", "integer", "bytes"
"""Kinds of files. All may have what portable ones have; of the others each has its own beside that."""
