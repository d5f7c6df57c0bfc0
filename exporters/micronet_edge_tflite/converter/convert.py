"""ONNX file to TFLite file, through onnx2tf in a process of its own.

onnx2tf prints a lot, changes global state, rewrites its input and imports TensorFlow. A child process in an
empty folder keeps that away from the caller.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from jaxtyping import Float32

from micronet_edge.errors import TargetError
from micronet_edge.util.text import listed
from micronet_edge_tflite.writer.operator_writer import MOST_CONCATENATED

# onnx2tf downloads this file unless it lies in the working folder. A float conversion only runs the
# network on it; no weight depends on it.
_SAMPLES = "calibration_image_sample_data_20x128x128x3_float32.npy"
_SAMPLES_SHAPE = (20, 128, 128, 3)
_INPUT = "model.onnx"
_CALIBRATION = "images.npy"
_CORRECTIONS = "corrections.json"
_OUTPUT_FOLDER = "converted"
FLOAT_OUTPUT = "model_float32.tflite"
INT8_OUTPUT = "model_integer_quant.tflite"
_LOWERED, _AS_TRAINED = "lowered", "as trained"
_LAST_LINES = 5
_RANK = 4  # images, channels, height, width

ChannelsLast = Float32[np.ndarray, "n size size 3"]


def convert(onnx_file: Path, tflite_file: Path, *, lowered: bool) -> None:
    """Converts an ONNX file; a lowered one so that XNNPACK computes it in one partition.

    The caller has to compare the two: onnx2tf may misread a network silently.

    Raises:
        TargetError: If onnx2tf fails, with its last lines, or needs an operator that LiteRT lacks.
    """
    convert_in_own_process(onnx_file, {FLOAT_OUTPUT: tflite_file}, lowered=lowered)
    if foreign := _foreign_operators(tflite_file):
        raise TargetError(
            f"the network needs {listed(foreign)}, which LiteRT lacks: put a layer of plain operators in "
            "its place (nn.GELU(approximate='tanh') for nn.GELU()), or export with --format onnx alone"
        )


def convert_in_own_process(
    onnx_file: Path,
    wanted: Mapping[str, Path],
    *,
    lowered: bool = False,
    calibration: ChannelsLast | None = None,
) -> None:
    """Runs onnx2tf and keeps some of the files that it writes.

    Args:
        onnx_file: The network.
        wanted: Where to put each of onnx2tf's files, by its name.
        lowered: Whether the network was lowered.
        calibration: Preprocessed images in whole batches; with them onnx2tf writes int8 files as well.

    Raises:
        TargetError: If onnx2tf fails, with its last lines.
    """
    with tempfile.TemporaryDirectory(prefix="micronet-edge-") as folder:
        shutil.copy(onnx_file, Path(folder, _INPUT))
        np.save(Path(folder, _SAMPLES), np.full(_SAMPLES_SHAPE, 0.5, dtype=np.float32))
        if calibration is not None:
            np.save(Path(folder, _CALIBRATION), calibration)
        process = subprocess.run(  # noqa: S603 - our own interpreter and module
            [
                sys.executable,
                "-m",
                "micronet_edge_tflite.converter.convert",
                _LOWERED if lowered else _AS_TRAINED,
            ],
            cwd=folder,
            # Temporary files of its libraries are deleted with the working folder.
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3", "TMPDIR": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        written = {path: Path(folder, _OUTPUT_FOLDER, name) for name, path in wanted.items()}
        if process.returncode or not all(file.is_file() for file in written.values()):
            last = " / ".join(process.stdout.strip().splitlines()[-_LAST_LINES:])
            raise TargetError(f"onnx2tf could not convert the network: {last or 'it gave no reason'}")
        for path, file in written.items():
            shutil.copy(file, path)


def _convert_in_working_folder(kind: str) -> None:
    import onnx2tf

    model = onnx.load(_INPUT)
    if kind == _LOWERED:
        nest_concatenations(model)
        onnx.save(model, _INPUT)
    Path(_CORRECTIONS).write_text(json.dumps({"format_version": 1, "operations": corrections(model)}))
    calibrated = Path(_CALIBRATION).exists()
    # The images are normalized already: onnx2tf is to subtract 0 and divide by 1.
    mean, deviation = (np.full((1, 1, 1, 3), value, dtype=np.float32) for value in (0, 1))
    onnx2tf.convert(
        input_onnx_file_path=_INPUT,
        output_folder_path=_OUTPUT_FOLDER,
        # Without signatures it refuses names that a SavedModel may not have.
        output_signaturedefs=True,
        # The file is simplified already, and onnx2tf would run any `onnxsim` that it finds on the PATH.
        not_use_onnxsim=True,
        non_verbose=True,
        param_replacement_file=_CORRECTIONS,
        output_integer_quantized_tflite=calibrated,
        custom_input_op_name_np_data_path=(
            [[model.graph.input[0].name, _CALIBRATION, mean, deviation]] if calibrated else None
        ),
    )


def _foreign_operators(path: Path) -> list[str]:
    """The file's custom operators, such as TensorFlow's FlexErf."""
    model = schema.Model.GetRootAs(path.read_bytes())
    codes = [model.OperatorCodes(place) for place in range(model.OperatorCodesLength())]
    return sorted(code.CustomCode().decode() for code in codes if code.CustomCode() is not None)


def nest_concatenations(model: onnx.ModelProto) -> None:
    """Splits concatenations of more tensors than XNNPACK takes at once."""
    for node in [node for node in model.graph.node if node.op_type == "Concat"]:
        place = list(model.graph.node).index(node)
        while (excess := len(node.input) - MOST_CONCATENATED) > 0:
            name, count = f"{node.name}/{len(node.input)}", min(excess + 1, MOST_CONCATENATED)
            nested = onnx.helper.make_node("Concat", node.input[:count], [name], name)
            nested.attribute.extend(node.attribute)
            node.input[:] = [name, *node.input[count:]]
            model.graph.node.insert(place, nested)
            place += 1


def corrections(model: onnx.ModelProto) -> list[dict[str, object]]:
    """The layouts that onnx2tf would guess wrong: it would compute another function silently, or fail.

    It leaves the channels of a Reshape first, and each reader guesses by the shape whether they are. The
    guess is wrong where dimensions are equal: channels, height and width (12, after a shuffle in M0 at
    96 px), or a map's width and the groups of the next convolution (4, in M0 at 64 px).
    """
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in [*model.graph.value_info, *model.graph.output]
    }
    return [
        {
            "op_name": node.name,
            "param_target": "outputs",
            "param_name": node.output[0],
            "post_process_transpose_perm": [0, 2, 3, 1],
        }
        for node in model.graph.node
        if node.op_type == "Reshape"
        and _ends_a_shuffle(*(shapes.get(n, []) for n in (node.input[0], node.output[0])))
    ]


def _ends_a_shuffle(given: list[int], made: list[int]) -> bool:
    """Whether a Reshape merges two dimensions of channels: [n, g, c, h, w] to [n, g * c, h, w]."""
    return len(given) == _RANK + 1 and len(made) == _RANK and given[3:] == made[2:]


if __name__ == "__main__":
    _convert_in_working_folder(sys.argv[1])
