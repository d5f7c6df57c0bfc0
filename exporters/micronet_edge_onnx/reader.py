"""What reads ONNX files: needs ONNX Runtime alone, and loads it when it opens one."""

from pathlib import Path
from typing import TYPE_CHECKING

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.kernels import Kernels
from micronet_edge_onnx.metadata import read_metadata

if TYPE_CHECKING:
    from micronet_edge_onnx.session import OnnxSession


class OnnxReader:
    """Reads ONNX files, as `targets/session_protocol.py` describes it."""

    name = "onnx"
    suffix = ".onnx"

    def open(self, path: Path, threads: int = 1, kernels: Kernels = "auto") -> "OnnxSession":
        from micronet_edge_onnx.session import OnnxSession

        return OnnxSession(path, threads, kernels=kernels)

    def read_metadata(self, path: Path) -> FileMetadata:
        return read_metadata(path)


READER = OnnxReader()
