"""Files of any network by the usual converters, as their documentation says: no pass of ours, no proof."""

import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

import onnx
import onnxsim
import torch
from torch import nn

from micronet_edge.errors import TargetError
from micronet_edge_tflite.converter.convert import FLOAT_OUTPUT, convert_in_own_process

OPSET = 17


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
    """Writes a TFLite file of an ONNX file by onnx2tf.

    Raises TargetError where the converter fails.
    """
    convert_in_own_process(onnx_file, {FLOAT_OUTPUT: path})
