"""Labels and preprocessing inside an ONNX file: its metadata_props."""

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from micronet_edge.data.file_ends import image_text, resize_text, scores_text
from micronet_edge.data.metadata import (
    DESCRIPTION_KEY,
    DISTRIBUTION,
    LABELS_KEY,
    FileMetadata,
    tool_version,
)
from micronet_edge.errors import TargetError


def write_metadata(model: onnx.ModelProto, metadata: FileMetadata) -> None:
    """Puts the texts into the model, and who wrote it."""
    onnx.helper.set_model_props(model, metadata.to_texts())
    model.producer_name, model.producer_version = DISTRIBUTION, tool_version()
    model.graph.name = metadata.variant
    _describe_ends(model.graph, metadata)
    model.doc_string = (
        f"{metadata.variant} in {metadata.precision}, for {_interface(metadata)}. metadata_props hold the "
        f"labels ({LABELS_KEY}) and the preprocessing ({DESCRIPTION_KEY})."
    )


def _describe_ends(graph: onnx.GraphProto, metadata: FileMetadata) -> None:
    """Says of a classifier's tensors, or of an image, what they hold."""
    if metadata.takes_images:
        graph.input[
            0
        ].doc_string = f"{image_text(metadata)}, {metadata.layout}. {resize_text(metadata.preprocessing)}"
    if metadata.is_classifier:
        graph.output[0].doc_string = scores_text(metadata)


def _interface(metadata: FileMetadata) -> str:
    """What the file takes and gives, in a line."""
    if metadata.is_classifier:
        _, height, width = metadata.preprocessing.shape
        return f"{width} x {height} pixels and {len(metadata.labels)} classes"
    ends = metadata.interface.inputs, metadata.interface.outputs
    return " and outputs ".join(", ".join(map(str, specs)) for specs in ends)


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
    return metadata_of(model, str(path))


def metadata_of(model: onnx.ModelProto, source: str) -> FileMetadata:
    """What the model, read from `source`, says of itself.

    Raises TargetError on one that is none of ours.
    """
    return FileMetadata.from_texts({prop.key: prop.value for prop in model.metadata_props}, source)
