"""Which runtimes a file is measured in, as named."""

from pathlib import Path

import numpy as np
import pytest

from micronet_edge.errors import SettingsError
from micronet_edge_bench.inputs import PreparedFile
from micronet_edge_bench.named_runtimes import check_runtimes, in_runtimes

ONNX, TFLITE = Path("m0.onnx"), Path("m0.tflite")


@pytest.mark.parametrize(
    ("paths", "named", "words"),
    [
        ([TFLITE], ("tensorrt",), "no runtime tensorrt: choose from onnxruntime, litert, litert-compiled"),
        ([TFLITE], ("litert", "litert"), "litert is given twice"),
        ([ONNX], ("litert-compiled",), "no file can run in litert-compiled: give one that ends in .tflite"),
        ([ONNX, TFLITE], ("litert",), "m0.onnx can run in none of litert: give --runtime onnxruntime"),
        ([], ("litert",), "no file can run in litert"),
    ],
)
def test_what_is_refused(paths, named, words):
    with pytest.raises(SettingsError, match=words):
        check_runtimes(paths, named)


def test_each_file_runs_in_those_that_take_it():
    files = [prepared(ONNX), prepared(TFLITE)]
    named = ("litert", "onnxruntime", "litert-compiled")
    check_runtimes([ONNX, TFLITE], named)
    assert [(each.name, each.runtime) for each in in_runtimes(files, named)] == [
        ("m0.onnx", "onnxruntime"),
        ("m0.tflite in litert", "litert"),
        ("m0.tflite in litert-compiled", "litert-compiled"),
    ]


def test_without_names_files_stay_as_they_are():
    files = [prepared(ONNX), prepared(TFLITE)]
    check_runtimes([ONNX, TFLITE], ())
    assert in_runtimes(files, ()) == files


def prepared(path):
    array = np.zeros((1, 3, 8, 8), np.float32)
    return PreparedFile(path.name, path, path.suffix[1:], None, array, "nothing", None)
