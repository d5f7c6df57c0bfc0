"""A C file, compiled for this machine and run."""

import ctypes
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Images
from micronet_edge.data.signature import Samples
from micronet_edge.errors import TargetError
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge.targets.batches import check_shape, in_batches
from micronet_edge.targets.session_protocol import Logits
from micronet_edge_c.compiling import compile_library
from micronet_edge_c.image import image_bytes
from micronet_edge_c.metadata import read_description
from micronet_edge_c.program.buffers import ALIGNMENT

_GUARD_BYTES = 64
_GUARD = 0xA5


class CSession:
    """Runs images through the file's function.

    Args:
        path: the file; its kernels may lie beside it.

    Raises:
        TargetError: if it is none of ours, or cannot be compiled.
    """

    fused = 0

    def __init__(self, path: Path) -> None:
        self._path, self._description = path, read_description(path)
        self._metadata = FileMetadata.from_texts(self._description.texts, str(path))
        (image,), (scores,) = self._description.graph.inputs, self._description.graph.outputs
        assert image.shape is not None
        _, self._height, self._width, self._channels = image.shape
        self._classes = scores.elements
        # A library that is loaded needs its file no more.
        with tempfile.TemporaryDirectory(prefix="micronet-edge-") as folder:
            library = Path(folder, "network.so")
            compile_library(path, library)
            self._run = getattr(ctypes.CDLL(str(library)), f"{self._description.name}_run")
        self._run.argtypes, self._run.restype = [ctypes.c_void_p] * 3, None
        self._arena = _Arena(self._description.arena_bytes)

    def run(self, images: Images) -> Logits:
        return in_batches(images, 1, lambda part: self.prepared(part)())

    def outputs(self, *inputs: NDArray[np.float32]) -> Samples:
        (images,) = inputs  # a C file has one input and one output
        return (self.run(images),)

    def prepared(self, images: Images) -> Callable[[], Logits]:
        image = self.input_array(images)
        scores = np.empty(self._classes, np.float32 if self._description.scores is None else np.int8)

        def infer() -> Logits:
            self._run(image.ctypes.data, scores.ctypes.data, self._arena.address)
            self._arena.check(self._path)
            return _as_float(scores, self._description.scores)[None]

        return infer

    def input_array(self, images: Images) -> NDArray[np.generic]:
        """An image as the file takes it: channels last, in bytes or in float32."""
        check_shape(self._path, images, (self._channels, self._height, self._width))
        return image_bytes(images, self._description, self._metadata)

    def operators(self) -> Mapping[str, int]:
        return Counter(operator.kind for operator in self._description.graph.operators)


class _Arena:
    """Memory for the function's arena, aligned, with guards on both sides."""

    def __init__(self, size: int) -> None:
        self._bytes = np.full(size + 2 * _GUARD_BYTES + ALIGNMENT, _GUARD, np.uint8)
        start = int(self._bytes.ctypes.data) + _GUARD_BYTES
        self.address = -(-start // ALIGNMENT) * ALIGNMENT
        first = self.address - int(self._bytes.ctypes.data)
        self._guards = self._bytes[:first], self._bytes[first + size :]

    def check(self, path: Path) -> None:
        """Raises TargetError if the function has written outside of its arena."""
        if any((guard != _GUARD).any() for guard in self._guards):
            raise TargetError(f"{path} has written outside of its arena: please report this network")


def _as_float(scores: NDArray[np.generic], qparams: QuantParams | None) -> Logits:
    if qparams is None:
        return scores.astype(np.float32)
    numbers: Logits = (scores.astype(np.float32) - qparams.zero_point) * np.float32(qparams.scale)
    return numbers
