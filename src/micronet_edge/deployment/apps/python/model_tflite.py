"""What stands in classify.py instead of its Model, where the model is a TFLite file."""

import os
from pathlib import Path

import numpy as np


class Model:
    """The model, in LiteRT."""

    def __init__(self, path: Path) -> None:
        import tempfile

        from ai_edge_litert.interpreter import Interpreter

        errors = os.dup(2)
        with tempfile.TemporaryFile() as said:  # what LiteRT prints as it starts, to leave its notices out
            os.dup2(said.fileno(), 2)
            try:
                self.interpreter = Interpreter(str(path))
                self.interpreter.allocate_tensors()
            finally:
                os.dup2(errors, 2)
                os.close(errors)
                said.seek(0)
                os.write(2, b"".join(line for line in said if not line.startswith(b"INFO: ")))
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
