"""Reads what a TFLite file's graph says of its ends."""

from pathlib import Path
from typing import Any

from micronet_edge.errors import TargetError
from micronet_edge.targets.file_ends import FileEnds
from micronet_edge.util.user_files import NETWORK, read_bytes

_STANDARD = b"TFLITE_METADATA"
_TYPES = {0: "float32", 3: "uint8", 9: "int8"}
"""Those of TFLite's TensorType that our files' ends have."""


def read_ends(path: Path) -> FileEnds:
    """Reads them from the file.

    Raises TargetError on a file that is damaged, or whose output apps cannot read.
    """
    from ai_edge_litert import schema_py_generated as schema

    content = read_bytes(path, NETWORK)
    try:
        return _ends(schema.Model.GetRootAsModel(content, 0))
    except Exception as error:  # a damaged file fails in any way
        raise TargetError(f"{path} cannot be read ({error}): copy or export it again") from error


def _ends(model: Any) -> FileEnds:  # noqa: ANN401 - generated, untyped
    graph = model.Subgraphs(0)
    given, made = graph.Tensors(graph.Inputs(0)), graph.Tensors(graph.Outputs(0))
    kind, quantization = _TYPES[made.Type()], made.Quantization()
    shape = tuple(int(side) for side in given.ShapeAsNumpy())
    names = {model.Metadata(place).Name() for place in range(model.MetadataLength())}
    if kind == "float32" or quantization is None:
        return FileEnds(shape, kind, standard_metadata=_STANDARD in names)
    scale, zero_point = quantization.Scale(0), quantization.ZeroPoint(0)
    return FileEnds(shape, kind, float(scale), int(zero_point), _STANDARD in names)
