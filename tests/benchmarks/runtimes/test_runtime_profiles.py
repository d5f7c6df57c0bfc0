"""Profiles of real files: every operator's time under the file's own name of it."""

import _ctypes
import ctypes
import tempfile

import numpy as np
import pytest

from micronet_edge_bench.runner.runtimes import (
    RuntimeUnusableError,
    litert,
    litert_profiler,
    onnxruntime,
    runtime_for,
)
from micronet_edge_bench.runner.runtimes.onnx_nodes import read_nodes

ROUNDS = 12
FILES = ("onnx_file", "int8_onnx_file", "tflite_file", "int8_tflite_file")


@pytest.fixture(scope="module")
def profiled(request):
    """The profile of the file of that fixture, taken once."""
    known = {}

    def profile(name):
        if name not in known:
            path = request.getfixturevalue(name)
            known[name] = runtime_for(path).profile(path, 1, zeros_for(path), ROUNDS)
        return known[name]

    return profile


def zeros_for(path):
    session = runtime_for(path).open(path, 1)
    return np.zeros(session.input_shape, session.input_dtype)


@pytest.mark.parametrize("name", FILES)
def test_a_profile_says_how_it_was_taken_and_beside_what(name, profiled):
    profile = profiled(name)
    assert profile["rounds"] == ROUNDS
    assert profile["method"].count("\n") == 0
    assert profile["whole_ns"] > 0
    times = [entry["median_ns"] for entry in profile["operators"]]
    assert min(times) >= 0
    assert max(times) < profile["whole_ns"]


@pytest.mark.parametrize("name", ["tflite_file", "int8_tflite_file"])
def test_the_operators_of_a_tflite_profile_are_the_files(name, profiled, request):
    nodes = litert.open(request.getfixturevalue(name), 1).nodes()
    for entry in profiled(name)["operators"]:
        node = nodes[entry["index"]]
        assert (entry["operator"], entry["output"]) == (node.operator, node.output)


@pytest.mark.parametrize("name", ["tflite_file", "int8_tflite_file"])
def test_only_what_xnnpack_folds_takes_no_time_of_its_own(name, profiled, request):
    nodes = litert.open(request.getfixturevalue(name), 1).nodes()
    timed = {entry["index"] for entry in profiled(name)["operators"]}
    silent = [node for node in nodes if node.index not in timed and node.operator != "DELEGATE"]
    # Paddings go into convolutions; in integers, hard swish decomposed is one table.
    assert all(node.operator == "PAD" or node.output.endswith(("/gate", "/product")) for node in silent)


def test_what_xnnpack_leaves_is_told_from_what_it_takes(profiled, request):
    facts = litert.open(request.getfixturevalue("int8_tflite_file"), 1).facts()
    plain = [entry for entry in profiled("int8_tflite_file")["operators"] if entry["delegate"] is None]
    assert len(plain) == facts["nodes"] - facts["delegated_nodes"]


def test_the_operators_of_an_onnx_profile_are_the_files_or_the_runtimes(profiled, request):
    nodes = read_nodes(request.getfixturevalue("onnx_file"))
    entries = profiled("onnx_file")["operators"]
    for entry in entries:
        if entry["index"] is None:
            assert entry["operator"] in {"ReorderInput", "ReorderOutput", "Transpose"}
        else:
            assert entry["output"] == nodes[entry["index"]].name
    timed = {entry["index"] for entry in entries}
    # A convolution runs in the name of the activation that it takes along; a product keeps its own.
    silent = {node.operator for place, node in enumerate(nodes) if place not in timed}
    assert silent <= {"Conv", "Relu", "HardSwish"}


def test_nothing_is_left_of_a_trace(onnx_file, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    onnxruntime.profile(onnx_file, 1, zeros_for(onnx_file), 2)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["onnx_file", "tflite_file"])
def test_more_threads_run_the_same_operators(name, profiled, request):
    path = request.getfixturevalue(name)
    found = runtime_for(path).profile(path, 2, zeros_for(path), 2)["operators"]
    outputs = {entry["output"] for entry in profiled(name)["operators"]}
    assert {entry["output"] for entry in found} == outputs


def test_without_its_library_litert_has_no_profile(tflite_file, monkeypatch, refusal):
    monkeypatch.setattr(litert_profiler, "LIBRARY", "libOfAnotherName.so")
    message = refusal(RuntimeUnusableError, litert.profile, tflite_file, 1, zeros_for(tflite_file), 1)
    assert "libOfAnotherName.so" in message
    assert "pip install ai-edge-litert" in message


def test_a_library_without_the_profiler_is_named_as_another_version(tflite_file, monkeypatch, refusal):
    monkeypatch.setattr(litert_profiler, "_load", lambda: ctypes.CDLL(_ctypes.__file__))
    message = refusal(RuntimeUnusableError, litert.profile, tflite_file, 1, zeros_for(tflite_file), 1)
    assert "has another version: it lacks LiteRtCreateEnvironment" in message


def test_a_call_that_fails_is_named_with_its_status(tmp_path, refusal):
    def run():
        path = tmp_path / "missing.tflite"
        with litert_profiler.profiled_model(path, 1, np.zeros((1, 8, 8, 3), np.float32)):
            pass

    assert "failed in LiteRtCreateModelFromFile with status" in refusal(RuntimeUnusableError, run)


@pytest.mark.parametrize("name", ["onnx_file", "tflite_file"])
def test_an_input_that_the_file_does_not_take_is_refused(name, request, refusal):
    path = request.getfixturevalue(name)
    array = np.zeros((1, 2, 2, 3), np.float32)
    assert "takes float32" in refusal(RuntimeUnusableError, runtime_for(path).profile, path, 1, array, 1)
