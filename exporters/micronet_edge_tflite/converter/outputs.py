"""All outputs of a converted TFLite file, for the comparison with the network."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from micronet_edge.data.preprocessing import Images
from micronet_edge.errors import TargetError
from micronet_edge_tflite.silence import without_notices

Outputs = list[NDArray[np.float32]]
_MAP = 4  # images, height, width, channels


def outputs_of(path: Path) -> Callable[[Images], Outputs]:
    """A function from a batch of images [n, c, h, w] to the file's outputs, maps with the channels first.

    Raises:
        TargetError: If LiteRT cannot open the file.
    """
    try:
        with without_notices():
            interpreter = Interpreter(str(path), num_threads=1)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise TargetError(f"{path.name}: LiteRT cannot open the converted file: {reason}") from error
    (given,) = interpreter.get_input_details()

    def run(images: Images) -> Outputs:
        interpreter.set_tensor(given["index"], np.ascontiguousarray(images.transpose(0, 2, 3, 1)))
        interpreter.invoke()
        found = [interpreter.get_tensor(each["index"]) for each in interpreter.get_output_details()]
        return [np.moveaxis(each, -1, 1) if each.ndim == _MAP else each for each in found]

    return run
