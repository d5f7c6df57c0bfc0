"""onnx2tf's own int8 conversion of an ONNX file, for comparison only.

onnx2tf writes two int8 files: one with float32 input and output, the default of TensorFlow's converter, and
one in integers throughout. The first is taken: phones and boards run it like the float32 file, on the same
images. The other is for chips without floating point; it only lacks the QUANTIZE and the DEQUANTIZE at the
ends.
"""

from pathlib import Path

import numpy as np
import onnx

from micronet_edge.data.preprocessing import Images
from micronet_edge_tflite.converter.convert import FLOAT_OUTPUT, INT8_OUTPUT, convert_in_own_process


def converter_baseline(onnx_file: Path, images: Images, path: Path, float_path: Path) -> None:
    """Writes the int8 TFLite file of an ONNX file.

    Args:
        onnx_file: The network as it was trained.
        images: Preprocessed images to calibrate on, [n, 3, size, size].
        path: Where the int8 file goes.
        float_path: Where the float32 file goes that was quantized; the caller has to compare it.

    Raises:
        TargetError: If onnx2tf fails, with its last lines.
    """
    (image,) = onnx.load(onnx_file).graph.input
    batch = image.type.tensor_type.shape.dim[0].dim_value
    # onnx2tf takes whole batches only; repeated images do not change the ranges.
    places = np.arange(-(-len(images) // batch) * batch) % len(images)
    calibration = images[places].transpose(0, 2, 3, 1)
    wanted = {INT8_OUTPUT: path, FLOAT_OUTPUT: float_path}
    convert_in_own_process(onnx_file, wanted, calibration=calibration)
