"""The files that are run: one network of digits in both formats, in float and in integers."""

import numpy as np
import pytest
from cli.command import ONNX_FILE, TFLITE_FILE, shared_digits, shared_quantized

INT8_FILES = (ONNX_FILE.replace("float32", "int8"), TFLITE_FILE.replace("float32", "int8"))


@pytest.fixture(scope="session")
def onnx_file(tmp_path_factory):
    return shared_digits(tmp_path_factory) / "files" / ONNX_FILE


@pytest.fixture(scope="session")
def tflite_file(tmp_path_factory):
    return shared_digits(tmp_path_factory) / "files" / TFLITE_FILE


@pytest.fixture(scope="session")
def int8_onnx_file(tmp_path_factory):
    return shared_quantized(tmp_path_factory) / "files" / INT8_FILES[0]


@pytest.fixture(scope="session")
def int8_tflite_file(tmp_path_factory):
    return shared_quantized(tmp_path_factory) / "files" / INT8_FILES[1]


@pytest.fixture
def image():
    """An image as ONNX files take it: 1 x 3 x size x size."""

    def draw(size):
        return np.random.default_rng(0).normal(size=(1, 3, size, size)).astype(np.float32)

    return draw
