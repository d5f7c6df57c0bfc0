"""What an exported TFLite file is made of, and how it is made: offline, alone, at any size."""

import os
import subprocess
import zipfile
from shutil import which

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from cli.command import DIGITS, ONNX_FILE, TFLITE_FILE, first_on_path, names, run, shared_digits

from micronet_edge import ExportSettings, export, read_metadata
from micronet_edge.data.photographs import photographs
from micronet_edge.models import load_checkpoint
from micronet_edge.targets.registry import find_target

ALLOWED = {"ADD", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "HARD_SWISH", "MAXIMUM"}
ALLOWED |= {"BATCH_MATMUL", "MEAN", "MUL", "PAD", "RELU6", "RESHAPE", "SLICE", "SPLIT", "STRIDED_SLICE"}

# Loaded by every Python process that finds it on its path.
NO_NETWORK = """
import os, socket

open(os.path.join(os.environ["GUARD"], f"guarded-{os.getpid()}"), "w").close()

def refuse(*_arguments, **_settings):
    open(os.path.join(os.environ["GUARD"], f"tried-{os.getpid()}"), "w").close()
    raise OSError("the network was touched")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
"""


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return shared_digits(tmp_path_factory) / "files"


@pytest.fixture(scope="module")
def interpreter(digits):
    opened = Interpreter(str(digits / TFLITE_FILE), num_threads=1)
    opened.allocate_tensors()
    return opened


def program(folder, name, content):
    path = folder / name
    path.write_text(content)
    path.chmod(0o755)


def test_it_takes_one_image_with_the_colours_last(interpreter):
    (image,), (logits,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (image["shape"].tolist(), image["dtype"]) == ([1, 96, 96, 3], np.float32)
    assert (logits["shape"].tolist(), logits["dtype"]) == ([1, 10], np.float32)


def test_it_holds_allowed_operators_only_in_at_most_two_partitions(digits):
    target = find_target("tflite")
    session = target.open(digits / TFLITE_FILE, kernels="off")
    assert set(session.operators()) <= ALLOWED
    assert 1 <= session.partitions() <= 2
    metadata = read_metadata(digits / TFLITE_FILE)
    assert target.violations(session, session.operators(), metadata) == []


@pytest.mark.skipif(which("unzip") is None, reason="needs unzip")
def test_unzip_prints_the_labels(digits):
    printed = subprocess.run(
        ["unzip", "-p", TFLITE_FILE, "labels.txt"], cwd=digits, capture_output=True, text=True, check=True
    )
    assert printed.stdout.split() == list("0123456789")


def test_it_is_a_zip_archive_and_a_model_at_once(digits, interpreter):
    with zipfile.ZipFile(digits / TFLITE_FILE) as archive:
        assert archive.testzip() is None
        assert archive.read("labels.txt").decode().split() == list("0123456789")
    image = load_checkpoint(DIGITS).preprocessing.batch(photographs()[:1])
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image.transpose(0, 2, 3, 1).copy())
    interpreter.invoke()
    logits = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    expected = find_target("onnx").open(digits / ONNX_FILE).run(image)
    assert np.abs(logits - expected).max() < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize(("size", "batch"), [(224, 1), (288, 3)])
def test_it_computes_the_same_function_at_other_sizes(tmp_path, size, batch):
    settings = ExportSettings(formats=("tflite",), output=tmp_path, input_size=size, batch=batch)
    (file,) = export(DIGITS, settings=settings)
    assert file.proof.relative_difference < 1e-5
    assert file.proof.top1_agreement == 1
    opened = Interpreter(str(file.path), num_threads=1)
    assert opened.get_input_details()[0]["shape"].tolist() == [batch, size, size, 3]


@pytest.mark.slow
def test_a_conversion_needs_no_network_no_home_and_no_other_program(tmp_path):
    home, site, programs, guard = (tmp_path / name for name in ("home", "site", "programs", "guard"))
    for folder in (home, site, programs, guard):
        folder.mkdir()
    (site / "sitecustomize.py").write_text(NO_NETWORK)
    for name in ("onnxsim", "curl", "wget"):
        program(programs, name, f"#!/bin/sh\n: > {guard}/tried-{name}\nexit 1\n")
    ran = run(
        *("export", "m0", "--format", "tflite", "--naive"),
        cwd=tmp_path,
        HOME=str(home),
        PYTHONPATH=first_on_path(site),
        GUARD=str(guard),
        PATH=f"{programs}{os.pathsep}{os.environ['PATH']}",
    )
    assert ran.code == 0, ran.errors
    assert [mark for mark in names(guard) if mark.startswith("tried-")] == []
    assert len(names(guard)) == 2  # the command and its conversion
    assert read_metadata(tmp_path / "m0-random-naive-float32.tflite").naive


def test_a_shift_of_six_pieces_does_not_cut_the_graph(tmp_path):
    settings = ExportSettings(formats=("tflite",), output=tmp_path)
    (file,) = export("m0", settings=settings)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file.path.read_bytes()))
    joined = [
        len(operator.inputs)
        for operator in model.subgraphs[0].operators
        if model.operatorCodes[operator.opcodeIndex].builtinCode == schema.BuiltinOperator.CONCATENATION
    ]
    assert max(joined) == 5
    assert find_target("tflite").open(file.path, kernels="off").partitions() == 1


def test_a_conversion_that_fails_says_why(tmp_path, monkeypatch, refusal):
    from micronet_edge.errors import TargetError
    from micronet_edge_tflite.converter.convert import convert

    (tmp_path / "model.onnx").write_bytes(b"no model")
    monkeypatch.setenv("PYTHONPATH", first_on_path(tmp_path))
    (tmp_path / "onnx2tf.py").write_text("raise ModuleNotFoundError('No module named onnx2tf')")
    error_line = refusal(
        TargetError, convert, tmp_path / "model.onnx", tmp_path / "model.tflite", lowered=True
    )
    assert "No module named onnx2tf" in error_line
    assert not (tmp_path / "model.tflite").exists()
