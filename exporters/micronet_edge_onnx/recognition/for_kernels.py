"""An ONNX file as ONNX Runtime reads it where our kernels are installed."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import onnx

from micronet_edge.errors import TargetError
from micronet_edge_onnx.recognition.fold_activations import DOMAIN, fold_activations
from micronet_edge_onnx.surgery.load_float16 import load_float16
from micronet_edge_onnx.surgery.write_out_functions import without_functions


@dataclass(frozen=True, slots=True)
class ForKernels:
    """A file with one node for each activation, and their number; `content` is None where there is none.

    `operators` counts the plain operators of the original file; None where it cannot be read.
    """

    content: bytes | None = None
    fused: int = 0
    operators: Counter[str] | None = None


def for_kernels(path: Path) -> ForKernels:
    """The file as ONNX Runtime reads it.

    The file's own nodes are inlined first: what our kernels compute is always read off operators that
    ONNX Runtime would run. Raises TargetError on such a node without a function that defines it.
    """
    try:
        model = onnx.load(path, load_external_data=False)
        plain = without_functions(model)
        operators = plain_operators(plain)
        undefined = [node.name for node in plain.graph.node if node.domain == DOMAIN]
        load_float16(plain)
        fused = 0 if undefined or _has_files_beside_it(plain) else fold_activations(plain)
    except Exception:  # noqa: BLE001 - a damaged file raises anything: ONNX Runtime reports it
        return ForKernels()
    if undefined:
        raise TargetError(f"{path}: no function defines {undefined[0]}: export the file again")
    return ForKernels(plain.SerializeToString() if fused else None, fused, operators)


def plain_operators(model: onnx.ModelProto) -> Counter[str]:
    """How often each operator stands in a model without functions of its own."""
    return Counter(node.op_type for node in model.graph.node if node.op_type != "Constant")


def _has_files_beside_it(model: onnx.ModelProto) -> bool:
    return any(each.data_location == onnx.TensorProto.EXTERNAL for each in model.graph.initializer)
