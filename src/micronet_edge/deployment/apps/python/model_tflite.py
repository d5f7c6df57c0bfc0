"""What stands in classify.py instead of its Model, where the model is a TFLite file."""

from pathlib import Path

import numpy as np


class Model:
    """The model, in LiteRT."""

    def __init__(self, path: Path) -> None:
        import os

        from ai_edge_litert.interpreter import Interpreter

        # LiteRT announces its delegate on standard error and has no setting for that; errors are raised.
        before = os.dup(2)
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        try:
            self.interpreter = Interpreter(str(path))
            self.interpreter.allocate_tensors()
        finally:
            os.dup2(before, 2)
            os.close(before)
        self.input = self.interpreter.get_input_details()[0]["index"]
        self.output = self.interpreter.get_output_details()[0]

    def run(self, image: np.ndarray) -> np.ndarray:
        """The scores [classes] of one image."""
        self.interpreter.set_tensor(self.input, image)
        self.interpreter.invoke()
        scores = self.interpreter.get_tensor(self.output["index"])[0]
        if scores.dtype == np.float32:
            return scores
        scale, zero = self.output["quantization"]
        return ((scores.astype(np.float32) - zero) * scale).astype(np.float32)
