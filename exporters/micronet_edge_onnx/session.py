"""An ONNX file, open in ONNX Runtime."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Images
from micronet_edge.data.signature import Samples
from micronet_edge.errors import TargetError
from micronet_edge.kernels import Kernels, library_for
from micronet_edge.targets.batches import check_samples, in_parts
from micronet_edge.targets.common import check_shape, in_batches, only_ones
from micronet_edge.targets.protocol import Logits
from micronet_edge_onnx.image_input import ImageInput
from micronet_edge_onnx.recognition.for_kernels import ForKernels, for_kernels, plain_operators
from micronet_edge_onnx.surgery.write_out_functions import without_functions

_ERRORS_ONLY = 3


def outputs_of(path: Path) -> Callable[..., list[NDArray[np.float32]]]:
    """A function from an array for each input to all outputs of a file, in ONNX Runtime without our kernels.

    Raises TargetError on a file that ONNX Runtime cannot open.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, _ERRORS_ONLY
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors share no base but Exception
        reason = " ".join(str(error).split())
        raise TargetError(f"{path.name} cannot be opened by ONNX Runtime: {reason}") from error
    names = [each.name for each in session.get_inputs()]

    def run(*inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        outputs: list[NDArray[np.float32]] = session.run(None, dict(zip(names, inputs, strict=True)))
        return outputs

    return run


class OnnxSession:
    """Runs samples through ONNX Runtime's CPU kernels; images through a file with one input and one output.

    Raises TargetError on a file that ONNX Runtime cannot open.
    """

    def __init__(self, path: Path, threads: int, *, kernels: Kernels) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = _ERRORS_ONLY
        library = library_for(kernels)
        found = ForKernels() if library is None else for_kernels(path)
        self._fused, self._operators = found.fused, found.operators
        try:
            if library is not None and self._fused:
                options.register_custom_ops_library(str(library))
            self._session = onnxruntime.InferenceSession(
                found.content or str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors share no base but Exception
            raise TargetError(
                f"{path} cannot be opened by ONNX Runtime ({error}): copy or export it again"
            ) from error
        self._path = path
        self._inputs = self._session.get_inputs()
        self._batch = _batch_of(self._inputs)
        self._image = ImageInput(_metadata_of_images(self._session, path))

    def run(self, images: Images) -> Logits:
        return in_batches(images, self._batch, lambda part: self.prepared(part)())

    def outputs(self, *inputs: NDArray[np.float32]) -> Samples:
        check_samples(self._path, inputs, {each.name: self._shape(each) for each in self._inputs})
        return in_parts(inputs, self._batch, self._run)

    def prepared(self, images: Images) -> Callable[[], Logits]:
        feed = {self._only_input.name: self.input_array(images)}

        def infer() -> Logits:
            (logits,) = self._session.run(None, feed)
            result: Logits = logits
            return result

        return infer

    def input_array(self, images: Images) -> NDArray[np.generic]:
        """The images as the file's input holds them."""
        check_shape(self._path, images, self._shape(self._only_input))
        return self._image.array(images)

    def _run(self, samples: Samples) -> Samples:
        names = [each.name for each in self._inputs]
        taken = [self._image.array(each) for each in samples] if len(samples) == 1 else samples
        return tuple(self._session.run(None, dict(zip(names, taken, strict=True))))

    def _shape(self, given: onnxruntime.NodeArg) -> tuple[int, ...]:
        """The shape of one sample of an input, in PyTorch's layout."""
        return self._image.shape(tuple(given.shape))[1:]

    @property
    def _only_input(self) -> onnxruntime.NodeArg:
        image, _ = only_ones(self._path, self._inputs, self._session.get_outputs())
        return image

    def operators(self) -> Mapping[str, int]:
        if self._operators is None:
            model = onnx.load(self._path, load_external_data=False)
            self._operators = plain_operators(without_functions(model))
        return self._operators

    @property
    def fused(self) -> int:
        return self._fused


def _metadata_of_images(session: onnxruntime.InferenceSession, path: Path) -> FileMetadata | None:
    """What the file says of itself; None of a file of others, or of one that takes no images."""
    with suppress(TargetError):
        metadata = FileMetadata.from_texts(session.get_modelmeta().custom_metadata_map, str(path))
        return metadata if metadata.takes_images else None
    return None


def _batch_of(inputs: Sequence[onnxruntime.NodeArg]) -> int | None:
    """How many samples a file takes at a time; None for any number."""
    numbers = [each.shape[0] for each in inputs if each.shape]
    return numbers[0] if numbers and isinstance(numbers[0], int) else None
