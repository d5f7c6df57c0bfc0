"""ONNX Runtime's own quantization of a float file, for comparison only.

All settings are the defaults: QDQ, int8 activations and weights, one scale for a whole weight, ranges from
the smallest to the largest value seen. Its documentation asks for its own preprocessing first (shape
inference and graph optimization).
"""

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from micronet_edge.data.preprocessing import Images
from micronet_edge.errors import TargetError

Feed = dict[str, Images]


def converter_baseline(float_file: Path, images: Images, path: Path) -> None:
    """Writes the int8 form of a float ONNX file, its ranges found on the images [n, 3, size, size].

    Raises TargetError where ONNX Runtime refuses the file or the images.
    """
    # It writes more files beside those that it reads.
    with tempfile.TemporaryDirectory(prefix="micronet-edge-") as folder, _in_silence():
        prepared, written = Path(folder, "prepared.onnx"), Path(folder, "int8.onnx")
        try:
            quant_pre_process(float_file, prepared)
            quantize_static(prepared, written, _Reader(float_file, images))
        except Exception as error:  # its errors share no base but Exception
            reason = " ".join(str(error).split())
            raise TargetError(f"ONNX Runtime could not quantize {float_file}: {reason}") from error
        model = onnx.load(written)
    # Any reader can infer these shapes again; their order differs from run to run.
    del model.graph.value_info[:]
    onnx.save(model, path)


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # it has no types
    """The images in batches of the file's size, or of one where that is open."""

    def __init__(self, float_file: Path, images: Images) -> None:
        (image,) = onnx.load(float_file).graph.input
        self._feeds = _feeds(image.name, images, image.type.tensor_type.shape.dim[0].dim_value or 1)

    def get_next(self) -> Feed | None:
        return next(self._feeds, None)


def _feeds(name: str, images: Images, batch: int) -> Iterator[Feed]:
    for start in range(0, len(images), batch):
        # The last batch is filled up with the first images: seeing one twice does not change ranges.
        yield {name: images[np.arange(start, start + batch) % len(images)]}


@contextmanager
def _in_silence() -> Iterator[None]:
    """Hides warnings, and keeps the first message from adding a handler to the root logger."""
    root, disabled, nothing = logging.getLogger(), logging.root.manager.disable, logging.NullHandler()
    root.addHandler(nothing)
    logging.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        root.removeHandler(nothing)
