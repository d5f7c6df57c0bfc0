"""ONNX file to TFLite file, through onnx2tf in a process of its own.

onnx2tf prints without end, works on global state, rewrites its input and imports all of TensorFlow;
a child process in an empty folder keeps all of that away from the caller.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from micronet_edge.errors import TargetError

# onnx2tf fetches this file from the network unless it lies in the working folder. A float
# conversion only runs it through the network; it shapes no weight.
_SAMPLES = "calibration_image_sample_data_20x128x128x3_float32.npy"
_SAMPLES_SHAPE = (20, 128, 128, 3)
_INPUT = "model.onnx"
_OUTPUT_FOLDER = "converted"
_OUTPUT = f"{_OUTPUT_FOLDER}/model_float32.tflite"
_LAST_LINES = 5


def convert(onnx_file: Path, tflite_file: Path, *, strict: bool) -> None:
    """Writes the TFLite form of an ONNX file.

    `strict` turns on onnx2tf's search for wrong transpositions, which a lowered network does not need:
    it holds no operator whose axes could be guessed wrong, and the result is proven afterwards.
    Raises TargetError, with onnx2tf's last words, where it fails.
    """
    with tempfile.TemporaryDirectory(prefix="micronet-edge-") as folder:
        shutil.copy(onnx_file, Path(folder, _INPUT))
        np.save(Path(folder, _SAMPLES), np.full(_SAMPLES_SHAPE, 0.5, dtype=np.float32))
        process = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "micronet_edge_tflite.convert", "strict" if strict else "fast"],
            cwd=folder,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        written = Path(folder, _OUTPUT)
        if process.returncode or not written.is_file():
            last = " / ".join(process.stdout.strip().splitlines()[-_LAST_LINES:])
            raise TargetError(f"onnx2tf could not convert the network: {last or 'it said nothing'}")
        shutil.copy(written, tflite_file)


def _convert_in_working_folder(mode: str) -> None:
    import onnx2tf

    onnx2tf.convert(
        input_onnx_file_path=_INPUT,
        output_folder_path=_OUTPUT_FOLDER,
        # Without signatures it refuses names that a SavedModel does not like.
        output_signaturedefs=True,
        disable_strict_mode=mode == "fast",
        # The file is simplified already; onnx2tf would run whatever `onnxsim` it finds on the PATH.
        not_use_onnxsim=True,
        non_verbose=True,
    )


if __name__ == "__main__":
    _convert_in_working_folder(sys.argv[1])
