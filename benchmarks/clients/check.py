"""Runs ONNX files in other runtimes, beside ONNX Runtime on the same images, and prints a table.

    python check.py out/m0-digits-float32.onnx out/m0-digits-int8.onnx

It imports nothing of ours: run it in an environment of its own, with what requirements.txt lists. What
is not installed is left out.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

SEED, IMAGES = 0, 8
WRONG = 0.1
"""Of the largest logit: an int8 file, rounded otherwise, is 0.05 apart at most."""

PATIENCE_SECONDS = 300
Run = Callable[[Path, np.ndarray], np.ndarray]


def onnxruntime(path: Path, images: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {session.get_inputs()[0].name: each})[0] for each in images])


def opencv(path: Path, images: np.ndarray) -> np.ndarray:
    import cv2

    network = cv2.dnn.readNetFromONNX(str(path))

    def answer(image: np.ndarray) -> np.ndarray:
        network.setInput(image)
        return np.array(network.forward()).reshape(1, -1)

    return np.concatenate([answer(each) for each in images])


def openvino(path: Path, images: np.ndarray) -> np.ndarray:
    import openvino

    network = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    # It gives the logits of an int8 file as [1, 1, 1, classes].
    return np.concatenate([network(each)[0].reshape(1, -1) for each in images])


def mnn(path: Path, images: np.ndarray) -> np.ndarray:
    import MNN
    from MNN import expr
    from MNN.tools import mnnconvert

    with tempfile.TemporaryDirectory() as folder:
        converted = str(Path(folder, "model.mnn"))
        sys.argv = [
            "mnnconvert",
            "-f",
            "ONNX",
            "--modelFile",
            str(path),
            "--MNNModel",
            converted,
            "--bizCode",
            "x",
        ]
        mnnconvert.main()
        network = MNN.nn.load_module_from_file(converted, ["image"], ["logits"])

        def answer(image: np.ndarray) -> np.ndarray:
            given = expr.convert(expr.const(image, image.shape, expr.NCHW), expr.NC4HW4)
            return np.array(expr.convert(network.forward([given])[0], expr.NCHW).read()).reshape(1, -1)

        return np.concatenate([answer(each) for each in images])


def torch(path: Path, images: np.ndarray) -> np.ndarray:
    import onnx2torch
    import torch

    network = onnx2torch.convert(path).eval()
    with torch.no_grad():
        return np.concatenate([network(torch.from_numpy(each)).numpy() for each in images])


def tract(path: Path, images: np.ndarray) -> np.ndarray:
    import tract

    network = tract.onnx().load(str(path)).into_model().into_runnable()
    return np.concatenate([network.run([each])[0].to_numpy() for each in images])


def converted(path: Path, images: np.ndarray) -> np.ndarray:
    """ONNX's own converter of versions, then ONNX Runtime."""
    import onnx
    from onnx import version_converter

    answers = []
    for version in (15, 18, 21):
        model = version_converter.convert_version(onnx.load(path), version)
        with tempfile.TemporaryDirectory() as folder:
            onnx.save(model, Path(folder, "model.onnx"))
            answers.append(onnxruntime(Path(folder, "model.onnx"), images))
    reference = onnxruntime(path, images)
    return max(answers, key=lambda each: np.abs(each - reference).max())


CLIENTS: dict[str, tuple[str, Run]] = {
    "OpenCV": ("cv2", opencv),
    "OpenVINO": ("openvino", openvino),
    "MNN": ("MNN", mnn),
    "onnx2torch": ("onnx2torch", torch),
    "tract": ("tract", tract),
    "version_converter 15, 18, 21": ("onnx", converted),
}


def main() -> None:
    """Prints for each file and client how many classes are the same, and how far logits are apart."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--images", type=Path, help="a .npy of preprocessed images [n, 3, size, size]")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(_compared(given.files[0], CLIENTS[given.one][1], given.images)))
        return
    clients = [name for name, (module, _) in CLIENTS.items() if importlib.util.find_spec(module)]
    print(f"| file | {' | '.join(clients)} |\n|---|{'---|' * len(clients)}")
    for path in given.files:
        print(
            f"| {path.stem} | {' | '.join(_told(path, name, given.images) for name in clients)} |", flush=True
        )


def _told(path: Path, client: str, images: Path | None) -> str:
    """What a client makes of a file, in a process of its own, which may die."""
    command = [
        sys.executable,
        __file__,
        str(path),
        "--one",
        client,
        *(["--images", str(images)] if images else []),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return "hangs"
    if done.returncode < 0:
        return f"dies (signal {-done.returncode})"
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["?"])[-1]
        return f"fails: {last[:60].replace('|', '/')}"
    difference, same, count = json.loads(done.stdout.strip().splitlines()[-1])
    classes = "=" if same == count else f"{same} of {count}"
    return f"{'**wrong**: ' if difference > WRONG else ''}{classes} {difference:.0e}"


def _compared(path: Path, run: Run, images: Path | None) -> tuple[float, int, int]:
    size = _input_size(path)
    if images is None:
        each = np.random.default_rng(SEED).standard_normal((IMAGES, 1, 3, size, size)).astype(np.float32)
    else:
        each = np.load(images)[:, None].astype(np.float32)
    reference, answers = onnxruntime(path, each), run(path, each)
    same = int((reference.argmax(1) == answers.argmax(1)).sum())
    return float(np.abs(reference - answers).max() / np.abs(reference).max()), same, len(each)


def _input_size(path: Path) -> int:
    import onnxruntime

    size = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).get_inputs()[0].shape[3]
    assert isinstance(size, int)  # files of ours are of a fixed size
    return size


if __name__ == "__main__":
    main()
