"""A TFLite file, open in LiteRT's compiled model."""

from pathlib import Path

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.errors import TargetError
from micronet_edge_tflite.compiled_interpreter import CompiledInterpreter
from micronet_edge_tflite.session import TfliteSession


class CompiledSession(TfliteSession):
    """Runs images, or other samples, through LiteRT's compiled model on the CPU.

    It takes no delegate: our kernels never run here. Given and raised as by `TfliteSession`; files for
    microcontrollers are refused, since its reference kernels (of version 2.3) do not compute as theirs.
    """

    def __init__(self, path: Path, threads: int, *, metadata: FileMetadata | None = None) -> None:
        super().__init__(path, threads, kernels="off", metadata=metadata)

    def _opened(self, path: Path, threads: int, *, reference: bool) -> CompiledInterpreter:
        if reference:
            raise TargetError(
                f"{path} is for microcontrollers, whose arithmetic LiteRT's compiled model lacks: open it in "
                "the interpreter"
            )
        return CompiledInterpreter(path, threads)

    def partitions(self) -> int:
        """Those of the same file in the interpreter: the compiled model does not say."""
        return TfliteSession(self._path, 1).partitions()
