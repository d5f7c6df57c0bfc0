"""What reads TFLite files: needs LiteRT alone, and loads it when it opens one."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.errors import TargetError
from micronet_edge.kernels import Kernels
from micronet_edge_tflite.metadata import read_metadata

if TYPE_CHECKING:
    from micronet_edge_tflite.session import TfliteSession


class TfliteReader:
    """Reads TFLite files, as `targets/session_protocol.py` describes it."""

    name = "tflite"
    suffix = ".tflite"

    def open(self, path: Path, threads: int = 1, kernels: Kernels = "auto") -> "TfliteSession":
        from micronet_edge_tflite.session import TfliteSession

        metadata = None
        with suppress(TargetError):  # a file without our metadata takes what its tensors say
            metadata = read_metadata(path)
        micro = metadata is not None and metadata.runtime == "micro"
        own: Kernels = "off" if micro else kernels
        return TfliteSession(path, threads, kernels=own, metadata=metadata)

    def read_metadata(self, path: Path) -> FileMetadata:
        return read_metadata(path)


READER = TfliteReader()
