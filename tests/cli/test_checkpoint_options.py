"""What a checkpoint leaves open, on the command line: told, assumed aloud, and remembered by the file."""

import json
import shutil

import numpy as np
import onnx
import pytest
import torch
from cli.command import DIGITS, ONNX_FILE, TFLITE_FILE, run, shared
from example_images import digits as images
from onnx import TensorProto, helper, numpy_helper

from micronet_edge.models import load_checkpoint
from micronet_edge.targets.readers import read_metadata

OWN = ("--input-size", 96, "--resize", 96, "--mean", "0.485,0.456,0.406", "--std", "0.229 0.224 0.225")
PER_CLASS = 3


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Averaged and raw weights in a bare checkpoint, and what `export` with --mean and others made of it."""

    def make(folder):
        state = load_checkpoint(DIGITS).network.state_dict()
        raw = {name: value * 0.9 if value.is_floating_point() else value for name, value in state.items()}
        torch.save(
            {"model": raw, "model_ema": {f"module.{n}": v for n, v in state.items()}}, folder / "both.pth"
        )
        ran = run("export", "both.pth", *OWN, "--format", "onnx", "--output", "files", cwd=folder)
        assert ran.code == 0, ran.errors
        (folder / "stderr").write_text(ran.errors)

    return shared(tmp_path_factory, "checkpoint-options", make)


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A few test images of each digit."""
    written = images.write_images(tmp_path_factory.mktemp("written")) / "test"
    folder = tmp_path_factory.mktemp("few")
    for label in images.LABELS:
        (folder / label).mkdir()
        for path in sorted((written / label).iterdir())[:PER_CLASS]:
            shutil.copy(path, folder / label)
    return folder


def test_an_export_says_what_it_took_and_what_it_assumed(made):
    said = (made / "stderr").read_text()
    assert (
        "note: both.pth holds averaged weights (EMA, in 'model_ema.module') and raw ones (in 'model'): "
        in said
    )
    assert "note: both.pth: taken from 'model_ema', without 'module.' in the tensors' names" in said
    (line,) = (line for line in said.splitlines() if line.startswith("ASSUMED: "))
    assert line == (
        "ASSUMED: both.pth does not state how it was trained. Assumed, as in the released networks: bilinear "
        "interpolation, colours in the order RGB, labels '0' to '9'. If it was trained otherwise, its "
        "predictions are wrong: give --interpolation, --color-order, --labels"
    )


def test_the_manifest_and_the_file_say_the_same(made):
    manifest = json.loads((made / "files" / "both-float32.onnx.manifest.json").read_text())
    assert manifest["input"]["set"] == "ema"
    assert [note.partition(" ")[0] for note in manifest["input"]["notes"]] == ["both.pth", "both.pth:"]
    assert manifest["assumed"] == {
        "fields": ["interpolation", "color_order", "labels"],
        "values": ["bilinear interpolation", "colours in the order RGB", "labels '0' to '9'"],
    }
    metadata = read_metadata(made / "files" / "both-float32.onnx")
    assert metadata.preprocessing == load_checkpoint(DIGITS).preprocessing
    assert (metadata.assumed, metadata.weights) == (("interpolation", "color_order", "labels"), "ema")


def test_verify_reads_the_checkpoint_as_it_was_read(tool_here, made):
    ran = tool_here("verify", made / "files" / "both-float32.onnx", "--checkpoint", made / "both.pth")
    assert ran.code == 0, ran.errors
    assert "same function as" in ran.output


def test_evaluate_with_the_same_options_finds_the_same(tool_here, made, data):
    file = made / "files" / "both-float32.onnx"
    ran = tool_here("evaluate", file, "--data", data, "--checkpoint", made / "both.pth", "--json")
    assert ran.code == 0, ran.errors
    assert ran.errors.startswith(f"ASSUMED: {file} was exported on assumptions. Assumed, ")
    found = json.loads(ran.output)
    assert found["comparison"]["agreement"] == 1
    assert found["order"].startswith("classes: folder '0' is class 0, and so on by number")
    assert [(row["index"], row["folder"]) for row in found["classes"]] == [(n, str(n)) for n in range(10)]
    ran = tool_here("evaluate", made / "both.pth", "--data", data, *OWN, "--json")
    assert json.loads(ran.output)["top1"] == found["top1"]
    raw = json.loads(
        tool_here("evaluate", made / "both.pth", "--data", data, *OWN, "--weights", "raw", "--json").output
    )
    assert raw["classes"] != found["classes"]


def test_labels_name_the_folders_of_a_file_anew(tool_here, made, data, folder):
    (folder / "labels.txt").write_text("\n".join(f"digit {n}" for n in range(10)))
    for n in range(10):
        shutil.copytree(data / str(n), folder / "data" / f"digit {n}")
    file = made / "files" / "both-float32.onnx"
    ran = tool_here("evaluate", file, "--data", "data", "--labels", "labels.txt")
    assert ran.code == 0, ran.errors
    assert "'digit 0' is class 0, 'digit 1' is class 1" in " ".join(ran.output.split())
    assert "labels '0'" not in ran.errors


def test_a_file_has_its_own_preprocessing(tool_here, made, data):
    file = made / "files" / "both-float32.onnx"
    ran = tool_here("evaluate", file, "--data", data, "--mean", "0.5", "--color-order", "BGR")
    assert ran.code == 1
    assert f"{file} has a fixed preprocessing: leave --mean, --color-order out" in (ran.refusal())


# --- Files of other tools


@pytest.fixture
def foreign(digits, folder):
    """Our own files without what is ours in them."""
    model = onnx.load(digits / ONNX_FILE)
    del model.metadata_props[:]
    onnx.save(model, folder / "foreign.onnx")
    content = (digits / TFLITE_FILE).read_bytes()
    (folder / "foreign.tflite").write_bytes(content[: content.index(b"PK\3\4")])
    (folder / "labels.txt").write_text("\n".join(images.LABELS))
    return folder


@pytest.mark.parametrize("name", ["foreign.onnx", "foreign.tflite"])
def test_a_file_of_another_tool_is_evaluated_as_the_options_say(tool_here, foreign, data, name):
    ran = tool_here("evaluate", foreign / name, "--data", data, *OWN, "--labels", "labels.txt", "--json")
    assert ran.code == 0, ran.errors
    found = json.loads(ran.output)
    assert found["top1"]["right"] == 10 * PER_CLASS
    assert (found["variant"], found["precision"]) == ("unknown", "unknown")
    assert "was not written by this tool: the options set its preprocessing and labels" in ran.errors
    assert "bilinear interpolation, colours in the order RGB" in ran.errors


@pytest.mark.parametrize("name", ["foreign.onnx", "foreign.tflite"])
@pytest.mark.parametrize("command", ["evaluate", "verify"])
def test_a_file_of_another_tool_alone_is_told_from_a_damaged_one(tool_here, foreign, data, command, name):
    more = ("--data", data) if command == "evaluate" else ("--checkpoint", DIGITS)
    ran = tool_here(command, foreign / name, *more)
    assert ran.code == 1
    said = ran.refusal()
    assert f"{name} carries no labels and preprocessing of ours" in said
    assert "another tool wrote or changed it: give `evaluate`, `predict` or `deploy` --input-size," in said
    assert "`verify` and `sensitivity` need a file that `export` or `quantize` wrote" in said


def test_all_that_a_file_of_another_tool_needs_is_named(tool_here, foreign, data):
    ran = tool_here("evaluate", foreign / "foreign.onnx", "--data", data, "--mean", "0.5")
    assert ran.code == 1
    assert "does not state its preprocessing: give --input-size, --labels, --std as well" in ran.refusal()


@pytest.mark.parametrize("name", ["foreign.onnx", "foreign.tflite"])
@pytest.mark.parametrize("command", ["export", "quantize"])
def test_a_file_is_no_checkpoint(tool_here, foreign, command, name):
    ran = tool_here(command, foreign / name, "--calibration", ".")
    assert ran.code == 1
    kind = "an ONNX" if name.endswith("onnx") else "a TFLite"
    assert (
        f"{name} is {kind} file, not a checkpoint: give the PyTorch checkpoint it was made from"
        in ran.refusal()
    )


def test_answers_that_are_no_numbers(tool_here, data, folder):
    (folder / "labels.txt").write_text("\n".join(images.LABELS))
    weights = numpy_helper.from_array(np.full((3, 10), np.inf, np.float32), "w")
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["mean", "w"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 96, 96])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])
    graph = helper.make_graph(nodes, "infinite", [x], [y], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "infinite.onnx")
    ran = tool_here("evaluate", "infinite.onnx", "--data", data, *OWN, "--labels", "labels.txt")
    assert ran.code == 1
    assert f"infinite.onnx outputs NaN or infinity for {data / '0'}" in ran.refusal()


# --- The order of classes

AS_TEXT = sorted(str(number) for number in range(12))


@pytest.fixture
def twelve(folder, data):
    """The digits' network with two classes more, its outputs in the order that ImageFolder trains in."""
    state = load_checkpoint(DIGITS).network.state_dict()
    for name, value in state.items():
        if name.startswith("classifier.logits.") and value.ndim:
            never = torch.full_like(value[0], -9 if name.endswith("norm.bias") else 0)
            state[name] = torch.stack([value[int(n)] if int(n) < 10 else never for n in AS_TEXT])
    torch.save(state, folder / "twelve.pth")
    (folder / "as-text").write_text("\n".join(AS_TEXT))
    (folder / "by-number").write_text("\n".join(sorted(AS_TEXT, key=int)))
    shutil.copytree(data, folder / "data")
    for label in ("10", "11"):
        (folder / "data" / label).mkdir()
    return folder


@pytest.mark.usefixtures("twelve")
def test_twelve_numbered_folders_want_an_order(tool_here):
    given = ("evaluate", "twelve.pth", "--data", "data", *OWN)
    ran = tool_here(*given)
    assert ran.code == 1
    said = ran.refusal()
    assert "data: the order of the 12 classes is unknown" in said
    assert (
        "By number, folder '2' is class 2; as text, in the order of ImageFolder (0, 1, 10, 2), it is class 4"
        in said
    )
    right = {
        order: json.loads(tool_here(*given, "--labels", order, "--json").output)["top1"]["right"]
        for order in ("as-text", "by-number")
    }
    assert right == {"as-text": 10 * PER_CLASS, "by-number": 2 * PER_CLASS}  # 0 and 1 lie first in both
    shown = tool_here(*given, "--labels", "as-text").output
    assert "   4  2           3      3  100.0%" in shown
    assert "'0' is class 0, '1' is class 1, '10' is class 2, '11' is class 3, '2' is class 4" in (
        " ".join(shown.split())
    )


@pytest.mark.parametrize("option", [("--finetune", "data"), ("--data", "data", "--max-drop", "1")], ids=str)
@pytest.mark.usefixtures("twelve")
def test_no_order_is_chosen_to_train_or_to_judge_by(tool_here, option):
    ran = tool_here("quantize", "twelve.pth", "--calibration", "data", *OWN, *option)
    assert ran.code == 1
    assert "data: the order of the 12 classes is unknown" in ran.refusal()
    assert "finding ranges" not in ran.errors


def test_numbers_without_end_are_refused_with_their_limit(tool_here):
    ran = tool_here("export", "m0", "--num-classes", "9" * 40)
    assert (ran.code, "at most 100,000, since" in ran.refusal()) == (1, True)
    ran = tool_here("export", "m0", "--input-size", "9" * 40)
    assert (ran.code, "at most 4096 px, since" in ran.refusal()) == (1, True)


# --- Wrong usage


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--input-size", "32.0"), "give a whole number"),
        (("--resize", "1e2"), "give a whole number"),
        (("--num-classes", "10.0"), "give a whole number"),
        (("--mean", "0.5,0.5"), "give one number, or three"),
        (("--std", "a"), "give one number, or three"),
        (("--color-order", "grb"), "grb"),
        (("--interpolation", "nearest"), "nearest"),
        (("--weights", "best"), "best"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage(tool_here, arguments, said):
    ran = tool_here("export", DIGITS, *arguments)
    assert ran.code == 2
    assert said in " ".join(ran.errors.replace("│", " ").split())
    assert arguments[0] in ran.errors
