"""A TFLite file, open in LiteRT with XNNPACK."""

import ctypes
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType, load_delegate
from numpy.typing import NDArray

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.pixels import as_numbers, takes_bytes
from micronet_edge.data.preprocessing import Images
from micronet_edge.data.signature import Samples
from micronet_edge.errors import TargetError
from micronet_edge.kernels import Kernels, library_for
from micronet_edge.targets.common import check_shape, only_ones
from micronet_edge.targets.protocol import Logits
from micronet_edge.util.text import plural
from micronet_edge_tflite.counting.operator_names import operators_in
from micronet_edge_tflite.operators import MICRO
from micronet_edge_tflite.silence import without_notices
from micronet_edge_tflite.tensor_arrays import (
    as_bytes,
    as_float,
    as_stored,
    in_file_layout,
    in_torch_layout,
    inputs_and_outputs,
    torch_shape,
)

_DELEGATED = "DELEGATE"


class TfliteSession:
    """Runs images, or other samples, through LiteRT's interpreter.

    Args:
        path: The file.
        threads: CPU threads that LiteRT uses.
        kernels: Whether our kernels replace what they can.
        metadata: What the file says of itself: the order of its inputs and outputs, the numbers that it
            takes, and its runtime. LiteRT's reference kernels give what TensorFlow Lite Micro gives.

    Raises:
        TargetError: If LiteRT cannot open the file.
    """

    def __init__(
        self,
        path: Path,
        threads: int,
        *,
        kernels: Kernels = "off",
        metadata: FileMetadata | None = None,
    ) -> None:
        reference = metadata is not None and metadata.runtime == MICRO
        self._library = library_for(kernels)
        try:
            with without_notices():
                self._kernels = None if self._library is None else load_delegate(str(self._library))
                self._interpreter = Interpreter(
                    str(path),
                    num_threads=threads,
                    experimental_op_resolver_type=(
                        OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
                    ),
                    experimental_delegates=None if self._kernels is None else [self._kernels],
                )
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise TargetError(
                f"{path} cannot be opened by LiteRT ({error}): copy or export it again"
            ) from error
        self._path, self._metadata = path, metadata
        self._inputs, self._outputs = inputs_and_outputs(self._interpreter, metadata)

    def run(self, images: Images) -> Logits:
        only_ones(self._path, self._inputs, self._outputs)
        (logits,) = self.outputs(images)
        return logits

    def outputs(self, *inputs: NDArray[np.float32]) -> Samples:
        """All outputs for any number of samples; the file's last batch is filled with the last sample."""
        self._check_inputs(inputs)
        batch, count = int(self._inputs[0]["shape"][0]), len(inputs[0])
        parts = []
        for start in range(0, count, batch):
            places = np.minimum(np.arange(start, start + batch), count - 1)
            self._set([given[places] for given in inputs])
            self._invoke()
            parts.append([self._get(output) for output in self._outputs])
        found = (np.concatenate(each)[:count] for each in zip(*parts, strict=True))
        return tuple(found)

    def prepared(self, images: Images) -> Callable[[], Logits]:
        _, output = only_ones(self._path, self._inputs, self._outputs)
        # LiteRT never reuses the memory of an input, so setting it once is enough.
        self._check_inputs([images])
        self._set([images])

        def infer() -> Logits:
            self._invoke()
            return self._get(output)

        return infer

    def input_array(self, images: Images) -> NDArray[np.generic]:
        """The images as the file's input holds them: channels last, in the input's data type."""
        given, _ = only_ones(self._path, self._inputs, self._outputs)
        self._check_inputs([images])
        return self._array(images, given)

    def operators(self) -> Mapping[str, int]:
        return operators_in(self._path.read_bytes())

    @property
    def fused(self) -> int:
        if self._kernels is None:
            return 0
        count = ctypes.CDLL(str(self._library)).micronet_edge_fused_activations
        count.argtypes, count.restype = [ctypes.c_void_p], ctypes.c_int32
        # The interpreter asks a delegate for its pointer in the same way.
        return int(count(self._kernels._get_native_delegate_pointer()))  # noqa: SLF001

    def partitions(self) -> int:
        """The number of parts that XNNPACK computes; between them LiteRT does."""
        return self._op_names().count(_DELEGATED)

    def _check_inputs(self, inputs: Sequence[NDArray[np.float32]]) -> None:
        if len(inputs) != len(self._inputs):
            raise TargetError(
                f"{self._path} takes {plural(len(self._inputs), 'input')}, not {len(inputs)}: give one array "
                "for each"
            )
        for given, tensor in zip(inputs, self._inputs, strict=True):
            check_shape(self._path, given, torch_shape(tensor)[1:])

    def _set(self, inputs: Sequence[NDArray[np.float32]]) -> None:
        for given, tensor in zip(inputs, self._inputs, strict=True):
            self._interpreter.set_tensor(tensor["index"], self._array(given, tensor))

    def _array(self, given: NDArray[np.float32], tensor: Mapping[str, Any]) -> NDArray[np.generic]:
        metadata = self._metadata
        if metadata is None:
            return as_stored(in_file_layout(given), tensor)
        numbers = in_file_layout(as_numbers(given, metadata))
        return as_bytes(numbers, tensor) if takes_bytes(metadata) else as_stored(numbers, tensor)

    def _invoke(self) -> None:
        try:
            self._interpreter.invoke()
        except RuntimeError as error:
            raise TargetError(f"LiteRT cannot run {self._path} ({' '.join(str(error).split())})") from error

    def _get(self, tensor: Mapping[str, Any]) -> NDArray[np.float32]:
        return in_torch_layout(as_float(self._interpreter.get_tensor(tensor["index"]), tensor))

    def _op_names(self) -> list[str]:
        # The only public view of a loaded graph's operators is this one, underscore and all.
        return [details["op_name"] for details in self._interpreter._get_ops_details()]  # noqa: SLF001
