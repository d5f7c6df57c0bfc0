"""The files that are measured: one network of digits in both formats."""

import pytest
from cli.command import ONNX_FILE, TFLITE_FILE, shared_digits


@pytest.fixture(scope="session")
def digit_files(tmp_path_factory):
    """The ONNX file and the TFLite file."""
    folder = shared_digits(tmp_path_factory) / "files"
    return [folder / ONNX_FILE, folder / TFLITE_FILE]
