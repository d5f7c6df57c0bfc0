"""Apps feed files of every type of pixels, and read scores of every type, as the product's sessions do."""

from itertools import product

import numpy as np
import pytest
import torch
from deployment.deployed_apps import COMPILER, answers, built, needs, run, script, session_probabilities
from PIL import Image
from torch import nn

import micronet_edge
from micronet_edge import FileMetadata, Preprocessing, QuantizeSettings
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import open_image
from micronet_edge.deployment.deploy import deploy

LABELS = tuple("0123456789")
PREPROCESSING = Preprocessing(32, 36, color_order="BGR")
METADATA = FileMetadata("small", LABELS, PREPROCESSING)
PIXELS, SCORES = ("normalized", "unit", "raw"), ("logits", "softmax")

ENDS = [
    *(("onnx", "float32", *rest) for rest in product(PIXELS, SCORES, ("nchw", "nhwc"))),
    *(("onnx", "uint8", "normalized", *rest) for rest in product(SCORES, ("nchw", "nhwc"))),
    *(("tflite", "float32", *rest, None) for rest in product(PIXELS, SCORES)),
    *(("tflite", "uint8", "normalized", scores, None) for scores in SCORES),
]
INT8_ENDS = [*ENDS, *(("tflite", "int8", "normalized", scores, None) for scores in SCORES)]
IN_CPP = [
    ("float32", "onnx", "uint8", "normalized", "softmax", "nhwc"),
    ("float32", "tflite", "float32", "unit", "softmax", None),
    ("int8", "tflite", "uint8", "normalized", "softmax", None),
    *(
        pytest.param(ends, marks=pytest.mark.slow)
        for ends in (
            ("float32", "onnx", "float32", "raw", "logits", "nhwc"),
            ("int8", "onnx", "uint8", "normalized", "logits", "nchw"),
            ("int8", "tflite", "int8", "normalized", "logits", None),
        )
    ),
]
CLOSE = {"float32": 1e-5, "int8": 0.03}
"""Sessions undo the normalization of pixels, whose rounding may move an integer inside by a step."""


class Small(nn.Module):
    """A convolution, and a layer of large weights, so that classes differ."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.head = nn.Linear(8, len(LABELS))

    def forward(self, x):
        return self.head(nn.functional.adaptive_avg_pool2d(torch.relu(self.stem(x)), 1).flatten(1))


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(3)
    network = Small().eval()
    network.head.weight.data *= 8
    return network


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Parts of photographs, as PPM."""
    folder, paths = tmp_path_factory.mktemp("images"), []
    for number, photograph in enumerate(photographs()):
        for part in range(2):
            image = Image.open(photograph).convert("RGB").crop((90 * part, 40, 260 + 90 * part, 200))
            paths.append(folder / f"{number}-{part}.ppm")
            image.save(paths[-1])
    return paths


@pytest.fixture(scope="module")
def calibration(images, tmp_path_factory):
    path = tmp_path_factory.mktemp("calibration") / "images.npy"
    np.save(path, np.concatenate([PREPROCESSING.batch(images)] * 4))
    return path


@pytest.fixture(scope="module")
def written(small, calibration, tmp_path_factory):
    """Writes a file with these ends, once."""
    folder, files = tmp_path_factory.mktemp("files"), {}

    def write(precision, format_, io, pixels, scores, layout):
        ends = (precision, format_, io, pixels, scores, layout)
        if ends not in files:
            settings = QuantizeSettings(
                output=folder,
                formats=(format_,),
                precision=precision,
                io=io,
                pixels=pixels,
                scores=scores,
                layout=layout,
                calibration=calibration if precision == "int8" else None,
            )
            files[ends] = micronet_edge.export(small, metadata=METADATA, settings=settings)[0].path
        return files[ends]

    return write


def check(found, file, images, precision):
    expected = session_probabilities(file, images)
    assert np.abs(found - expected).max() <= CLOSE[precision]
    best = np.sort(expected, axis=1)
    sure = best[:, -1] - best[:, -2] > 2 * CLOSE[precision]
    assert sure.any()
    assert np.array_equal(found.argmax(1)[sure], expected.argmax(1)[sure])


def check_in_python(written, images, precision, ends, folder):
    file = written(precision, *ends)
    deploy(file, "python", folder)
    app = script(folder)
    model = app.Model(folder / app.MODEL)
    answered = [app.as_probabilities(model.run(app.prepared(open_image(path)))) for path in images]
    check(np.stack(answered), file, images, precision)


@pytest.mark.parametrize("ends", ENDS, ids=str)
def test_float_files_are_answered_in_python_as_in_the_product(written, images, tmp_path, ends):
    check_in_python(written, images, "float32", ends, tmp_path / "app")


@pytest.mark.slow
@pytest.mark.parametrize("ends", INT8_ENDS, ids=str)
def test_int8_files_are_answered_in_python_as_in_the_product(written, images, tmp_path, ends):
    check_in_python(written, images, "int8", ends, tmp_path / "app")


@pytest.mark.parametrize("ends", IN_CPP, ids=str)
def test_files_are_answered_in_cpp_as_in_the_product(written, images, tmp_path, ends):
    needs("cmake", COMPILER)
    file = written(*ends)
    deploy(file, "cpp", tmp_path / "app")
    program = built(tmp_path / "app")
    check(answers(run(program, *images, "--top", "10").stdout, images), file, images, ends[0])
