"""Labels and preprocessing inside an ONNX file: its metadata_props."""

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from micronet_edge.errors import TargetError
from micronet_edge.metadata import FileMetadata


def write_metadata(model: onnx.ModelProto, metadata: FileMetadata) -> None:
    """Puts the texts into the model."""
    onnx.helper.set_model_props(model, metadata.to_texts())


def read_metadata(path: Path) -> FileMetadata:
    """What the file says of itself.

    Raises TargetError on a file that is no ONNX model or none of ours.
    """
    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, OSError, ValueError) as error:
        raise TargetError(
            f"{path} cannot be read as an ONNX model ({error}): copy or export it again"
        ) from error
    return FileMetadata.from_texts({prop.key: prop.value for prop in model.metadata_props}, str(path))
