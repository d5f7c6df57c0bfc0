"""ncnn, after pnnx has converted the ONNX file."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import ncnn
import numpy as np
import pnnx


def load(path: str) -> Callable[[np.ndarray], np.ndarray]:
    """Converts an ONNX file, without float16, and opens what comes out."""
    folder = Path(tempfile.mkdtemp(dir="."))
    shutil.copy(path, folder / "model.onnx")  # pnnx writes a dozen files beside it
    converter = str(Path(pnnx.__file__).with_name("pnnx"))
    done = subprocess.run(
        [converter, "model.onnx", "fp16=0"], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"pnnx ends with {done.returncode}")
    network = ncnn.Net()
    network.opt.use_fp16_storage = network.opt.use_fp16_arithmetic = network.opt.use_fp16_packed = False
    if network.load_param(str(folder / "model.ncnn.param")) or network.load_model(
        str(folder / "model.ncnn.bin")
    ):
        raise SystemExit("ncnn cannot load what pnnx writes")

    def run(image: np.ndarray) -> np.ndarray:
        extractor = network.create_extractor()
        extractor.input("in0", ncnn.Mat(np.ascontiguousarray(image[0])).clone())
        code, scores = extractor.extract("out0")
        if code:
            raise SystemExit(f"ncnn ends with {code}")
        return np.array(scores)

    return run
