"""`micronet-edge verify` says yes to what we wrote and no to everything else."""

import json
import shutil

import onnx
import pytest
from cli.command import DIGITS, ONNX_FILE, TFLITE_FILE
from onnx import numpy_helper

from micronet_edge.models import load_checkpoint
from micronet_edge.models.checkpoints import save_checkpoint


@pytest.fixture
def another_checkpoint(tmp_path):
    """The digits network saved again under other labels, `change` applied to it before."""

    def call(change=lambda _network: None):
        loaded = load_checkpoint(DIGITS)
        change(loaded.network)
        path = tmp_path / "another.safetensors"
        labels = tuple(f"digit {label}" for label in loaded.labels)
        save_checkpoint(loaded.network, path, preprocessing=loaded.preprocessing, labels=labels)
        return path

    return call


@pytest.mark.parametrize("name", [ONNX_FILE, TFLITE_FILE])
def test_a_good_file(tool_here, digits, name):
    ran = tool_here("verify", digits / name, "--checkpoint", DIGITS)
    assert ran.code == 0, ran.errors
    assert f"{name}: same function as {DIGITS} on 5 images" in ran.output
    assert "note" not in ran.errors


def test_json(tool, digits):
    ran = tool("verify", digits / ONNX_FILE, "--checkpoint", DIGITS, "--kernels", "off", "--json")
    assert ran.code == 0, ran.errors
    proof = json.loads(ran.output)
    assert proof["images"] == 5
    assert proof == json.loads((digits / f"{ONNX_FILE}.manifest.json").read_text())["proof"]


def test_the_same_weights_in_another_checkpoint(tool_here, digits, another_checkpoint):
    ran = tool_here("verify", digits / ONNX_FILE, "--checkpoint", another_checkpoint())
    assert ran.code == 0, ran.errors
    assert "was made from another file with the same weights" in ran.errors


def test_other_weights(tool_here, digits, another_checkpoint):
    checkpoint = another_checkpoint(lambda network: network.classifier.logits.linear.bias.data[3].add_(0.5))
    ran = tool_here("verify", digits / ONNX_FILE, "--checkpoint", checkpoint)
    assert ran.code == 1
    assert f"{ONNX_FILE} does not compute the same function: output 3 is" in ran.refusal()


def test_a_tampered_file(tool_here, digits, folder):
    model = onnx.load(digits / ONNX_FILE)
    weight = next(tensor for tensor in model.graph.initializer if len(tensor.dims) == 4)
    values = numpy_helper.to_array(weight).copy()
    values.flat[0] += abs(values).max()
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    onnx.save(model, folder / "tampered.onnx")
    ran = tool_here("verify", "tampered.onnx", "--checkpoint", DIGITS)
    assert ran.code == 1
    assert "tampered.onnx does not compute the same function" in ran.refusal()


@pytest.mark.parametrize("name", [ONNX_FILE, TFLITE_FILE])
def test_a_truncated_file(tool_here, digits, folder, name):
    (folder / name).write_bytes((digits / name).read_bytes()[:-20_000])
    ran = tool_here("verify", name, "--checkpoint", DIGITS)
    assert ran.code == 1
    assert name in ran.refusal()


@pytest.mark.parametrize(
    ("name", "error_line"),
    [
        ("text.onnx", "text.onnx cannot be read as an ONNX model"),
        ("text.tflite", "text.tflite carries no labels and preprocessing of ours"),
        ("text.txt", "no installed target reads .txt: give a file ending in .c, .onnx, .tflite"),
        ("none.onnx", "none.onnx does not exist"),
    ],
)
def test_a_file_of_something_else(tool_here, folder, name, error_line):
    if name.startswith("text"):
        (folder / name).write_text("a text\n")
    ran = tool_here("verify", name, "--checkpoint", DIGITS)
    assert ran.code == 1
    assert error_line in ran.refusal()


def test_somebody_elses_model(tool_here, digits, folder):
    model = onnx.load(digits / ONNX_FILE)
    del model.metadata_props[:]
    onnx.save(model, folder / "theirs.onnx")
    ran = tool_here("verify", "theirs.onnx", "--checkpoint", DIGITS)
    assert ran.code == 1
    assert "theirs.onnx carries no labels and preprocessing of ours" in ran.refusal()


def test_a_missing_checkpoint(tool_here, digits, folder):
    shutil.copy(digits / ONNX_FILE, folder)
    ran = tool_here("verify", ONNX_FILE, "--checkpoint", "none.pth")
    assert ran.code == 1
    assert "checkpoint none.pth does not exist" in ran.refusal()
