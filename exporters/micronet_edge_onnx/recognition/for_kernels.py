"""An ONNX file as ONNX Runtime is to read it where our kernels are at hand."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import onnx

from micronet_edge.errors import TargetError
from micronet_edge_onnx.recognition.fold_activations import DOMAIN, fold_activations
from micronet_edge_onnx.surgery.store_in_float16 import load_halves
from micronet_edge_onnx.surgery.write_out_functions import without_functions


@dataclass(frozen=True, slots=True)
class ForKernels:
    """A file with a node for each activation, and how many there are; None where there is none.

    `operators` counts the plain ones of the file as it is, None where it cannot be read.
    """

    content: bytes | None = None
    fused: int = 0
    operators: Counter[str] | None = None


def for_kernels(path: Path) -> ForKernels:
    """The file as ONNX Runtime is to read it.

    Nodes that the file brings along are written out before: what our kernels compute is always read off
    operators that ONNX Runtime would run. Raises TargetError on such a node without operators to read.
    """
    try:
        model = onnx.load(path, load_external_data=False)
        plain = without_functions(model)
        operators = plain_operators(plain)
        undefined = [node.name for node in plain.graph.node if node.domain == DOMAIN]
        load_halves(plain)
        fused = 0 if undefined or _has_files_beside_it(plain) else fold_activations(plain)
    except Exception:  # noqa: BLE001 - what a damaged file raises: ONNX Runtime says it in its own words
        return ForKernels()
    if undefined:
        raise TargetError(f"{path}: {undefined[0]} has no function that says what it is: export it again")
    return ForKernels(plain.SerializeToString() if fused else None, fused, operators)


def plain_operators(model: onnx.ModelProto) -> Counter[str]:
    """How often each operator stands in a model without functions of its own."""
    return Counter(node.op_type for node in model.graph.node if node.op_type != "Constant")


def _has_files_beside_it(model: onnx.ModelProto) -> bool:
    return any(each.data_location == onnx.TensorProto.EXTERNAL for each in model.graph.initializer)
