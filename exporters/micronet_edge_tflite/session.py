"""A TFLite file, open in LiteRT with XNNPACK."""

import ctypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType, load_delegate
from numpy.typing import NDArray

from micronet_edge.data.preprocessing import Images
from micronet_edge.errors import TargetError
from micronet_edge.kernels import Kernels, library_for
from micronet_edge.targets.common import check_shape, in_batches, only_ones
from micronet_edge.targets.protocol import Logits
from micronet_edge_tflite.counting.operator_names import operators_in
from micronet_edge_tflite.silence import without_notices

_DELEGATED = "DELEGATE"


class TfliteSession:
    """Runs images through LiteRT's interpreter.

    Args:
        path: The file.
        threads: CPU threads that LiteRT uses.
        kernels: Whether our kernels replace what they can.
        reference: Whether LiteRT's reference kernels run it, which give what TensorFlow Lite Micro gives.
        prepare: Turns preprocessed images into what the file takes, if that differs.

    Raises:
        TargetError: If LiteRT cannot open the file.
    """

    def __init__(
        self,
        path: Path,
        threads: int,
        *,
        kernels: Kernels = "off",
        reference: bool = False,
        prepare: Callable[[Images], Images] | None = None,
    ) -> None:
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
        self._path, self._prepare = path, prepare
        self._input, self._output = only_ones(
            path, self._interpreter.get_input_details(), self._interpreter.get_output_details()
        )

    def run(self, images: Images) -> Logits:
        return in_batches(images, int(self._input["shape"][0]), lambda part: self.prepared(part)())

    def prepared(self, images: Images) -> Callable[[], Logits]:
        # LiteRT never reuses the memory of an input, so setting it once is enough.
        self._interpreter.set_tensor(self._input["index"], self.input_array(images))

        def infer() -> Logits:
            try:
                self._interpreter.invoke()
            except RuntimeError as error:
                raise TargetError(
                    f"LiteRT cannot run {self._path} ({' '.join(str(error).split())})"
                ) from error
            return _as_float(self._interpreter.get_tensor(self._output["index"]), self._output)

        return infer

    def input_array(self, images: Images) -> NDArray[np.generic]:
        """The images as the file's input holds them: channels last, in the input's data type."""
        _, height, width, channels = self._input["shape"]
        check_shape(self._path, images, (int(channels), int(height), int(width)))
        if self._prepare is not None:
            images = self._prepare(images)
        return _as_stored(np.ascontiguousarray(images.transpose(0, 2, 3, 1)), self._input)

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

    def _op_names(self) -> list[str]:
        # The only public view of a loaded graph's operators is this one, underscore and all.
        return [details["op_name"] for details in self._interpreter._get_ops_details()]  # noqa: SLF001


def _as_stored(values: NDArray[np.float32], tensor: Mapping[str, Any]) -> NDArray[np.generic]:
    """The values in the input's data type: float32 as they are, integers quantized."""
    scale, zero_point = tensor["quantization"]
    if tensor["dtype"] == np.float32:
        return values
    limits = np.iinfo(tensor["dtype"])
    integers: NDArray[np.generic] = np.rint(values / scale + zero_point).clip(limits.min, limits.max)
    return integers.astype(limits.dtype)


def _as_float(values: NDArray[np.generic], tensor: Mapping[str, Any]) -> Logits:
    """The output in float32, dequantized where it is in integers."""
    scale, zero_point = tensor["quantization"]
    if tensor["dtype"] == np.float32:
        return values.astype(np.float32, copy=False)
    numbers: Logits = ((values.astype(np.float32) - zero_point) * scale).astype(np.float32)
    return numbers
