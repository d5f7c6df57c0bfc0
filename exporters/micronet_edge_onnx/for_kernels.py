"""An ONNX file as ONNX Runtime is to read it where our kernels are at hand."""

from pathlib import Path

import onnx

from micronet_edge.errors import TargetError
from micronet_edge_onnx.fold_activations import DOMAIN, fold_activations
from micronet_edge_onnx.store_in_halves import load_halves
from micronet_edge_onnx.write_out_functions import without_functions


def for_kernels(path: Path) -> tuple[bytes | None, int]:
    """The file with a node for each activation, and how many there are; None where there is none.

    Nodes that the file brings along are written out before: what our kernels compute is always read off
    operators that ONNX Runtime would run. Raises TargetError on such a node without operators to read.
    """
    try:
        model = onnx.load(path, load_external_data=False)
        plain = without_functions(model)
        undefined = [node.name for node in plain.graph.node if node.domain == DOMAIN]
        load_halves(plain)
        fused = 0 if undefined or _has_files_beside_it(plain) else fold_activations(plain)
    except Exception:  # noqa: BLE001 - what a damaged file raises: ONNX Runtime says it in its own words
        return None, 0
    if undefined:
        raise TargetError(f"{path}: {undefined[0]} has no function that says what it is: export it again")
    return (plain.SerializeToString(), fused) if fused else (None, 0)


def _has_files_beside_it(model: onnx.ModelProto) -> bool:
    return any(each.data_location == onnx.TensorProto.EXTERNAL for each in model.graph.initializer)
