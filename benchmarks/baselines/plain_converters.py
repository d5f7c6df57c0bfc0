"""Files of any network by the usual converters, as their documentation says: no pass of ours, no proof."""

import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnxsim
import torch
from torch import nn

from micronet_edge.errors import TargetError

OPSET = 17
_SAMPLES = "calibration_image_sample_data_20x128x128x3_float32.npy"
"""onnx2tf downloads this file unless it lies in the working folder; no weight depends on it."""

_LAST_LINES = 3


def plain_onnx(network: nn.Module, inputs: Mapping[str, tuple[int, ...]], path: Path) -> None:
    """Writes an ONNX file by torch.onnx and onnxsim, for one sample.

    Given    a network in inference mode; the shapes of its inputs without the batch, by name
    Raises   TargetError where the converter refuses the network.
    """
    examples = tuple(torch.zeros(1, *shape) for shape in inputs.values())
    with tempfile.TemporaryDirectory(prefix="micronet-edge-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written = Path(folder, "model.onnx")
        try:
            torch.onnx.export(
                network,
                examples,
                str(written),
                dynamo=False,
                opset_version=OPSET,
                input_names=list(inputs),
            )
        except Exception as error:  # its errors share no base but Exception
            raise TargetError(f"torch.onnx: {' '.join(str(error).split())[:200]}") from error
        simplified, _ = onnxsim.simplify(onnx.load(written))
    onnx.save(simplified, path)


def plain_tflite(onnx_file: Path, path: Path) -> None:
    """Writes a TFLite file of an ONNX file by onnx2tf, in a process of its own.

    Raises TargetError, with its last lines, where the converter fails.
    """
    with tempfile.TemporaryDirectory(prefix="micronet-edge-") as folder:
        np.save(Path(folder, _SAMPLES), np.full((20, 128, 128, 3), 0.5, np.float32))
        process = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "onnx2tf", "-i", str(onnx_file.resolve()), "-o", "out", "-nuo", "-osd"],
            cwd=folder,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        written = Path(folder, "out", f"{onnx_file.stem}_float32.tflite")
        if process.returncode or not written.is_file():
            last = " / ".join(process.stdout.strip().splitlines()[-_LAST_LINES:])
            raise TargetError(f"onnx2tf could not convert the network: {last or 'it gave no reason'}")
        shutil.copy(written, path)
