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

        metadata = self._said(path)
        micro = metadata is not None and metadata.runtime == "micro"
        own: Kernels = "off" if micro else kernels
        return TfliteSession(path, threads, kernels=own, metadata=metadata)

    def read_metadata(self, path: Path) -> FileMetadata:
        return read_metadata(path)

    @staticmethod
    def _said(path: Path) -> FileMetadata | None:
        """What the file says of itself; one without our metadata takes what its tensors say."""
        with suppress(TargetError):
            return read_metadata(path)
        return None


class CompiledTfliteReader(TfliteReader):
    """The same in LiteRT's compiled model, which takes no delegate: our kernels cannot run."""

    def open(self, path: Path, threads: int = 1, kernels: Kernels = "auto") -> "TfliteSession":
        from micronet_edge_tflite.compiled_session import CompiledSession

        del kernels
        return CompiledSession(path, threads, metadata=self._said(path))


READER = TfliteReader()
COMPILED_READER = CompiledTfliteReader()
