"""MNN, after its own converter."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import MNN
import numpy as np
from MNN import expr

# MNN.tools.mnnconvert is the same, but installs a package to report its use with and reports it.
_CONVERT = "import sys, MNN, _tools; _tools.mnnconvert(sys.argv)"


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Converts an ONNX or TFLite file and opens what comes out."""
    converted = str(Path(tempfile.mkdtemp(dir="."), "model.mnn"))
    framework = "TFLITE" if path.endswith(".tflite") else "ONNX"
    files = ["--modelFile", path, "--MNNModel", converted, "--bizCode", "x"]
    command = [sys.executable, "-c", _CONVERT, "-f", framework, *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not Path(converted).exists():
        complaints = re.findall(r"These Op Not Support.*|Error .*", done.stdout)
        raise SystemExit(": ".join([f"mnnconvert ends with {done.returncode}", *complaints[-1:]]))
    network = MNN.nn.load_module_from_file(converted, [], [])
    inputs = network.get_info()["inputNames"]
    if len(inputs) > 1:
        raise SystemExit(f"mnnconvert takes constants for inputs: {', '.join(inputs)}")

    def run(image: np.ndarray) -> np.ndarray:
        channels_last = path.endswith(".tflite")
        order = expr.NHWC if channels_last else expr.NCHW
        given = expr.const(image, image.shape, order, expr.uint8 if image.dtype == np.uint8 else expr.float)
        ready = given if channels_last else expr.convert(given, expr.NC4HW4)
        return np.array(expr.convert(network.forward([ready])[0], expr.NCHW).read())

    return run
