"""LiteRT's compiled model as the runner uses it: the same numbers as the interpreter, and its own limits."""

import sys

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from odd_files import change_tflite, tflite_sum

from micronet_edge import kernels
from micronet_edge_bench.runner.runtimes import RuntimeUnusableError, installed, litert, litert_compiled
from micronet_edge_bench.runner.runtimes.checks import random_array

FILES = ("int8_tflite_file", "tflite_file")


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", FILES)
def test_it_computes_what_the_interpreter_does(name, threads, request):
    path = request.getfixturevalue(name)
    plain, compiled = litert.open(path, threads), litert_compiled.open(path, threads, kernels.library())
    assert compiled.input_shape == plain.input_shape
    assert compiled.input_dtype == plain.input_dtype
    check_same(plain, compiled)
    facts = compiled.facts()
    assert facts == plain.facts()
    assert facts["fused"] == 0


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 3), (2, 1)])
def test_several_inputs_and_outputs(tmp_path, inputs, outputs):
    """All inputs but the first are random numbers, the same ones in both."""
    path = tflite_sum(tmp_path / "sum.tflite", inputs=inputs, outputs=outputs)
    plain, compiled = litert.open(path, 1), litert_compiled.open(path, 1)
    check_same(plain, compiled)
    assert len(compiled.outputs()) == outputs


def test_unsigned_bytes(tmp_path):
    path = change_tflite(tflite_sum(tmp_path / "sum.tflite"), tmp_path / "bytes.tflite", to_bytes)
    plain, compiled = litert.open(path, 1), litert_compiled.open(path, 1)
    assert compiled.input_dtype == np.uint8
    check_same(plain, compiled)


def test_the_profile_names_the_files_operators(tflite_file):
    session = litert_compiled.open(tflite_file, 1)
    array = random_array(session.input_shape, session.input_dtype)
    found = litert_compiled.profile(tflite_file, 1, array, 2)
    operators = {node.output for node in litert.open(tflite_file, 1).nodes()}
    assert {each["output"] for each in found["operators"] if each["index"] is not None} <= operators
    assert found["whole_ns"] > 0


def test_without_it_one_line_says_what_to_install(monkeypatch, refusal, tmp_path):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.compiled_model", None)
    message = refusal(RuntimeUnusableError, litert_compiled.open, tmp_path / "x.tflite", 1)
    assert "CompiledModel is not installed" in message
    assert "pip install --upgrade ai-edge-litert" in message
    assert "LiteRT CompiledModel" not in installed()
    assert "LiteRT" in installed()


def test_what_is_no_file_is_refused(tmp_path, refusal):
    path = tmp_path / "text.tflite"
    path.write_text("no model at all")
    assert str(path) in refusal(RuntimeUnusableError, litert_compiled.open, path, 1)
    assert "cannot be read" in refusal(RuntimeUnusableError, litert_compiled.open, tmp_path / "no.tflite", 1)


def check_same(plain, compiled):
    array = random_array(plain.input_shape, plain.input_dtype)
    for session in (plain, compiled):
        session.set_input(array)
        session.infer()
        session.infer()
    for one, other in zip(plain.outputs(), compiled.outputs(), strict=True):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)


def to_bytes(graph):
    for tensor in graph.tensors:
        tensor.type = schema.TensorType.UINT8
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [0.5], [3]
