import pytest
from cli.command import ONNX_FILE, TFLITE_FILE, shared_digits


@pytest.fixture(scope="session")
def onnx_file(tmp_path_factory):
    return shared_digits(tmp_path_factory) / "files" / ONNX_FILE


@pytest.fixture(scope="session")
def tflite_file(tmp_path_factory):
    return shared_digits(tmp_path_factory) / "files" / TFLITE_FILE
