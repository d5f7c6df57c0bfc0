"""What onnx2tf's own int8 conversion makes of an ONNX file, for comparison only.

It writes two int8 files: integer inside with float32 at both ends, which is what TensorFlow's converter
makes unless told otherwise, and integer throughout. The first is taken: phones and boards run it like the
float32 file, with the same images. The other one is for chips without floating point; it differs by the
QUANTIZE and the DEQUANTIZE at its ends.
"""

from pathlib import Path

import numpy as np
import onnx

from micronet_edge.data.preprocessing import Images
from micronet_edge_tflite.converter.convert import FLOAT_OUTPUT, INT8_OUTPUT, convert_in_own_process


def converter_baseline(onnx_file: Path, images: Images, path: Path, float_path: Path) -> None:
    """Writes the int8 TFLite form of an ONNX file, its ranges found on the images [n, 3, size, size].

    At `float_path` is left what was quantized, which the caller has to compare with the network.
    Raises TargetError, with onnx2tf's last words, where it fails.
    """
    (image,) = onnx.load(onnx_file).graph.input
    batch = image.type.tensor_type.shape.dim[0].dim_value
    # onnx2tf takes whole batches only: ranges do not change when an image comes twice.
    places = np.arange(-(-len(images) // batch) * batch) % len(images)
    calibration = images[places].transpose(0, 2, 3, 1)
    wanted = {INT8_OUTPUT: path, FLOAT_OUTPUT: float_path}
    convert_in_own_process(onnx_file, wanted, calibration=calibration)
