"""The runtimes as the runner uses them: what a session does, and what is refused in one line."""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from odd_files import change_tflite, onnx_sum, tflite_sum, with_unknown_batch
from onnx import TensorProto

from micronet_edge import kernels
from micronet_edge.targets.registry import find_target, target_of
from micronet_edge_bench.runner.runtimes import RuntimeUnusableError, installed, litert, runtime_for
from micronet_edge_bench.runner.runtimes import onnxruntime as ours
from micronet_edge_bench.runner.runtimes.checks import random_array
from micronet_edge_bench.runner.runtimes.onnx_nodes import read_nodes

FORMATS = ("onnx_file", "tflite_file")
SUFFIXES = {onnx_sum: ".onnx", tflite_sum: ".tflite"}


@pytest.fixture(params=FORMATS)
def file(request):
    return request.getfixturevalue(request.param)


def test_a_file_is_run_by_the_runtime_of_its_suffix():
    assert runtime_for("a/m0.onnx").NAME == "ONNX Runtime"
    assert runtime_for(Path("m0.TFLITE")).NAME == "LiteRT"


def test_another_suffix_is_refused_with_those_there_are(refusal):
    assert ".onnx, .tflite" in refusal(RuntimeUnusableError, runtime_for, "m0.pt")


def test_a_runtime_can_be_chosen_by_name(refusal):
    assert runtime_for("m0.tflite", "litert-compiled").NAME == "LiteRT CompiledModel"
    assert "choose from onnxruntime, litert, litert-compiled" in refusal(
        RuntimeUnusableError, runtime_for, "m0.tflite", "tensorrt"
    )
    assert "takes files that end in .tflite" in refusal(
        RuntimeUnusableError, runtime_for, "m0.onnx", "litert-compiled"
    )


def test_what_is_installed_is_told_with_its_version():
    assert installed() == {
        "ONNX Runtime": onnxruntime.__version__,
        "LiteRT": litert.version(),
        "LiteRT CompiledModel": litert.version(),
    }


def test_a_runtime_that_is_not_here_says_what_to_install(monkeypatch, refusal, tmp_path):
    for name in ("onnxruntime", "ai_edge_litert", "tflite_runtime", "tensorflow"):
        monkeypatch.setitem(sys.modules, name, None)
    for package in litert._PACKAGES:
        monkeypatch.setitem(sys.modules, package, None)
    assert "pip install onnxruntime numpy" in refusal(RuntimeUnusableError, ours.version)
    assert "pip install ai-edge-litert numpy" in refusal(
        RuntimeUnusableError, litert.open, tmp_path / "x.tflite", 1
    )
    assert installed() == {}


def test_a_session_computes_what_the_exporters_session_does(file, image):
    session = runtime_for(file).open(file, 1)
    size = max(session.input_shape)
    given = image(size)
    channels_last = session.input_shape[-1] == 3
    session.set_input(given.transpose(0, 2, 3, 1) if channels_last else given)
    session.infer()
    target = find_target("tflite" if channels_last else "onnx")
    np.testing.assert_array_equal(session.outputs()[0], target.open(file, 1, "off").run(given))


def test_the_facts_of_an_onnx_file_count_its_operators(onnx_file):
    facts = ours.open(onnx_file, 1).facts()
    assert facts == {
        "delegate": None,
        "nodes": sum(find_target("onnx").open(onnx_file).operators().values()),
        "delegated_nodes": 0,
        "partitions": 0,
        "fused": 0,
    }


@pytest.mark.parametrize("name", ["tflite_file", "int8_tflite_file"])
def test_the_facts_of_a_tflite_file_say_what_xnnpack_took(name, request):
    path = request.getfixturevalue(name)
    facts = litert.open(path, 1).facts()
    exporters = find_target("tflite").open(path, 1, "off")
    assert facts["delegate"] == "XNNPACK"
    assert facts["nodes"] == sum(exporters.operators().values())
    assert facts["partitions"] == exporters.partitions()
    # Those that XNNPACK left stand between its pieces, so there are none of them in one piece.
    assert (facts["delegated_nodes"] == facts["nodes"]) == (facts["partitions"] == 1)


@pytest.mark.parametrize("name", ["onnx_file", "int8_onnx_file", "tflite_file", "int8_tflite_file"])
@pytest.mark.skipif(kernels.library() is None, reason="the kernels were not built")
def test_with_our_kernels_the_facts_say_so(name, request, tmp_path):
    file = request.getfixturevalue(name)
    path = tmp_path / file.name
    path.write_bytes(target_of(file).for_kernels(file))  # as the bench sends it
    plain, fused = (runtime_for(path).open(path, 1, library) for library in (None, kernels.library()))
    facts = fused.facts()
    assert facts["fused"] == 15
    assert facts["nodes"] == plain.facts()["nodes"]
    given = np.zeros(fused.input_shape, fused.input_dtype)
    outputs = []
    for session in (plain, fused):
        session.set_input(given)
        session.infer()
        outputs.append(session.outputs()[0])
    assert (
        np.abs(outputs[0] - outputs[1]).max() < (0.2 if "int8" in name else 1e-5) * np.abs(outputs[0]).max()
    )


def test_the_nodes_read_without_the_onnx_package_are_the_files(onnx_file):
    model = onnx.load(onnx_file)
    assert [
        (node.operator, node.name, node.inputs, node.outputs)
        for node in read_nodes(onnx_file, written_out=False)
    ] == [(node.op_type, node.name, tuple(node.input), tuple(node.output)) for node in model.graph.node]
    bodies = {function.name: function.node for function in model.functions}
    assert [(node.operator, node.name) for node in read_nodes(onnx_file)] == [
        (each.op_type, each.name)
        for node in model.graph.node
        for each in bodies.get(node.op_type, [node])
        if each.op_type != "Constant"
    ]


def test_another_shape_or_type_is_refused_with_what_the_file_takes(file, refusal):
    session = runtime_for(file).open(file, 1)
    for array in (np.zeros(session.input_shape, np.float64), np.zeros((1, 2, 3), np.float32)):
        assert f"takes float32 of shape {session.input_shape}" in refusal(
            RuntimeUnusableError, session.set_input, array
        )


@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
@pytest.mark.parametrize("content", [b"", b"no model at all", bytes(range(256)) * 40])
def test_a_file_that_is_no_model_is_refused(suffix, content, tmp_path, refusal):
    path = tmp_path / f"odd{suffix}"
    path.write_bytes(content)
    assert str(path) in refusal(RuntimeUnusableError, runtime_for(path).open, path, 1)


def test_a_file_that_is_cut_short_is_refused(file, tmp_path, refusal):
    path = tmp_path / file.name
    path.write_bytes(file.read_bytes()[:100_000])
    assert str(path) in refusal(RuntimeUnusableError, runtime_for(path).open, path, 1)


@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
def test_a_file_that_is_not_there_is_refused(suffix, tmp_path, refusal):
    missing, folder = tmp_path / f"missing{suffix}", tmp_path / f"folder{suffix}"
    folder.mkdir()
    for path in (missing, folder):
        message = refusal(RuntimeUnusableError, runtime_for(path).open, path, 1)
        assert message.startswith(f"{path} cannot be read: ")


@pytest.mark.parametrize("write", [onnx_sum, tflite_sum])
@pytest.mark.parametrize(("inputs", "outputs"), [(2, 1), (1, 3)])
def test_several_inputs_and_outputs_run(write, inputs, outputs, tmp_path):
    path = write(tmp_path / f"odd{SUFFIXES[write]}", inputs=inputs, outputs=outputs)
    session = runtime_for(path).open(path, 1)
    given = np.ones(session.input_shape, session.input_dtype)
    session.set_input(given)
    session.infer()
    other = given if inputs == 1 else random_array(session.input_shape, session.input_dtype)
    for output in session.outputs():
        np.testing.assert_allclose(output, given + other, rtol=1e-6)
    assert len(session.outputs()) == outputs


def test_a_dynamic_shape_is_refused(tflite_file, tmp_path, refusal):
    dynamic = onnx_sum(tmp_path / "odd.onnx", inputs=1, shape=("batch", 4))
    assert "dynamic shape batch x 4" in refusal(RuntimeUnusableError, ours.open, dynamic, 1)
    dynamic = change_tflite(tflite_file, tmp_path / "odd.tflite", with_unknown_batch)
    assert "dynamic shape -1 x " in refusal(RuntimeUnusableError, litert.open, dynamic, 1)


def test_a_type_that_no_image_has_is_refused(tmp_path, refusal):
    path = onnx_sum(tmp_path / "odd.onnx", inputs=1, dtype=TensorProto.INT64)
    assert "an input of int64: it must be one of float32" in refusal(RuntimeUnusableError, ours.open, path, 1)
