"""What `deploy` checks before it writes, and that it writes a whole app or nothing."""

import shutil

import numpy as np
import onnx
import pytest
from cli.command import shared_digits
from onnx import TensorProto, helper

import micronet_edge
from micronet_edge.deployment.deploy import deploy
from micronet_edge.errors import MicronetEdgeError
from micronet_edge.settings import CheckpointSettings

SIZE, LABELS = 8, ("left", "right")


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    return shared_digits(tmp_path_factory) / "files"


@pytest.fixture
def file(files, tmp_path):
    """The digits file by itself, as it is when it was sent to somebody."""
    return shutil.copy(files / "m0-digits-float32.onnx", tmp_path / "digits.onnx")


def foreign(path, *, batch=1, element=TensorProto.FLOAT, softmax=False):
    """A file of another tool: the brightness of the two halves of an image."""
    taken = helper.make_tensor_value_info("x", element, [batch, 3, SIZE, SIZE])
    given = helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, len(LABELS)])
    weights = np.zeros((3, SIZE, SIZE, 2), np.float32)
    weights[:, :, : SIZE // 2, 0] = weights[:, :, SIZE // 2 :, 1] = 1 / (3 * SIZE * SIZE)
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["f"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["sums"]),
        helper.make_node(*(("Softmax",) if softmax else ("Identity",)), ["sums"], ["y"]),
    ]
    constants = [onnx.numpy_helper.from_array(weights.reshape(-1, 2), "w")]
    graph = helper.make_graph(nodes, "halves", [taken], [given], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "labels.txt").write_text("\n".join(LABELS))
    means = (0.5, 0.5, 0.5)
    return CheckpointSettings(input_size=SIZE, labels=tmp_path / "labels.txt", mean=means, std=means)


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_public_function_writes_all_files_of_an_app(file, tmp_path):
    deployed = micronet_edge.deploy(file, "python", tmp_path / "deep" / "app")
    wanted = ["README.md", "classify.py", "labels.txt", "model.onnx", "requirements.txt"]
    assert names(tmp_path / "deep" / "app") == sorted(deployed.files) == wanted
    assert (tmp_path / "deep" / "app" / "model.onnx").read_bytes() == file.read_bytes()


def test_a_folder_in_use_stays_as_it_is(file, tmp_path, refusal):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "theirs").write_text("precious")
    error_line = refusal(MicronetEdgeError, deploy, file, "python", tmp_path / "app")
    assert error_line == f"{tmp_path / 'app'} is not empty: give --overwrite, or another --output"
    deploy(file, "python", tmp_path / "app", overwrite=True)
    (tmp_path / "app" / "classify.py").write_text("mine")
    deploy(file, "python", tmp_path / "app", overwrite=True)
    assert (tmp_path / "app" / "theirs").read_text() == "precious"
    assert (tmp_path / "app" / "classify.py").read_text() != "mine"


def test_an_empty_folder_may_be_filled(file, tmp_path):
    (tmp_path / "app").mkdir()
    assert deploy(file, "python", tmp_path / "app").output == tmp_path / "app"


def test_the_model_is_not_replaced_by_itself(file, tmp_path, refusal):
    (tmp_path / "app").mkdir()
    model = shutil.copy(file, tmp_path / "app" / "model.onnx")
    error_line = refusal(MicronetEdgeError, deploy, model, "python", model.parent, overwrite=True)
    assert f"{model} would replace the input {model}" in error_line
    assert names(tmp_path / "app") == ["model.onnx"]


@pytest.mark.parametrize(
    ("name", "to", "reason"),
    [
        ("digits.onnx", "ios", "--to ios: give python, cpp, web or android"),
        ("missing.onnx", "python", "does not exist"),
        ("digits.c", "python", "ONNX and TFLite files"),
        ("digits.safetensors", "cpp", "ONNX and TFLite files"),
        ("cut.onnx", "cpp", "cannot be"),
    ],
)
def test_what_is_no_file_for_an_app_is_refused(file, tmp_path, refusal, name, to, reason):
    (tmp_path / "digits.c").write_text("int x;")
    (tmp_path / "digits.safetensors").write_text("int x;")
    (tmp_path / "cut.onnx").write_bytes(file.read_bytes()[:5000])
    assert reason in refusal(MicronetEdgeError, deploy, tmp_path / name, to, tmp_path / "app")
    assert not (tmp_path / "app").exists()


def test_the_output_may_not_be_a_file_or_lie_in_one(file, tmp_path, refusal):
    (tmp_path / "app").touch()
    for output in (tmp_path / "app", tmp_path / "app" / "deep"):
        assert "is a file" in refusal(MicronetEdgeError, deploy, file, "python", output)


def test_other_labels_may_be_given(file, tmp_path):
    (tmp_path / "labels.txt").write_text("\n".join(f"digit {number}" for number in range(10)))
    deploy(file, "cpp", tmp_path / "app", settings=CheckpointSettings(labels=tmp_path / "labels.txt"))
    assert '"digit 7"sv' in (tmp_path / "app" / "facts.h").read_text()


def test_a_file_of_another_tool_needs_a_description(tmp_path, settings, refusal):
    path = foreign(tmp_path / "theirs.onnx")
    said = refusal(MicronetEdgeError, deploy, path, "python", tmp_path / "app")
    assert "carries no labels and preprocessing of ours" in said
    assert "`deploy`" in said
    deployed = deploy(path, "python", tmp_path / "app", settings=settings)
    assert "was not written by this tool" in deployed.notes[0]
    text = (tmp_path / "app" / "classify.py").read_text()
    assert "SOFTMAX = False" in text
    assert "CHANNELS_FIRST = True" in text


def test_probabilities_of_another_tool_s_file_are_recognised(tmp_path, settings):
    path = foreign(tmp_path / "theirs.onnx", softmax=True)
    deploy(path, "python", tmp_path / "app", settings=settings)
    assert "SOFTMAX = True" in (tmp_path / "app" / "classify.py").read_text()


@pytest.mark.parametrize(
    ("written", "labels", "reason"),
    [
        ({"batch": 3}, LABELS, "cannot be run on one image"),
        ({"element": TensorProto.UINT8}, LABELS, "uint8"),
        ({}, (*LABELS, "middle"), "there are 3 labels"),
    ],
)
def test_a_file_that_an_app_could_not_run_is_refused(tmp_path, settings, refusal, written, labels, reason):
    path = foreign(tmp_path / "theirs.onnx", **written)
    settings.labels.write_text("\n".join(labels))
    assert reason in refusal(MicronetEdgeError, deploy, path, "python", tmp_path / "app", settings=settings)
    assert not (tmp_path / "app").exists()
