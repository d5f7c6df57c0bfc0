"""`micronet-edge count`: what it prints, what it refuses, and what it does not load."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from cli.command import DIGITS, ONNX_FILE, TFLITE_FILE

from micronet_edge.models import load_checkpoint

RUNTIMES = ("onnx", "onnxruntime", "tensorflow", "ai_edge_litert", "onnx2tf")
PAPER = {"m0": ("3.45 M", "4.05 M"), "m1": ("5.31 M", "6.12 M"), "m2": ("10.3 M", "12.7 M")}
PAPER |= {"m3": ("18.2 M", "20.8 M")}


def figures(output, heading):
    """What stands in the row of that heading, column by column."""
    (line,) = (line for line in output.splitlines() if line.lstrip().startswith(heading))
    return [part.strip() for part in line.strip().removeprefix(heading).split("  ") if part.strip()]


@pytest.mark.parametrize("variant", PAPER)
def test_the_paper_s_figures_come_out_for_every_variant(tool_here, variant):
    ran = tool_here("count", variant)
    assert (ran.code, ran.errors) == (0, "")
    conv_linear, paper = PAPER[variant]
    assert figures(ran.output, "multiply-adds, convolution + linear") == [conv_linear]
    assert figures(ran.output, "multiply-adds as the paper counts") == [paper]
    assert "Not counted: nothing." in ran.output
    assert "the largest sum of the computed tensors" in " ".join(ran.output.split())


# A product with a matrix of each image's own counts its zeros as well.
@pytest.mark.parametrize(("name", "applied"), [(ONNX_FILE, "0.111 M"), (TFLITE_FILE, "0.139 M")])
def test_a_file_is_shown_beside_its_network(tool_here, digits, name, applied):
    ran = tool_here("count", digits / name)
    assert (ran.code, ran.errors) == (0, "")
    file, network = figures(ran.output, "multiply-adds, convolution + linear")
    assert network == "0.808 M"
    assert file.endswith(" M")
    assert float(file.split()[0]) > 1.5
    assert figures(ran.output, "multiply-adds of Dynamic Shift-Max") == [applied, "0.111 M"]


@pytest.mark.parametrize("source", ["m3", ONNX_FILE, TFLITE_FILE])
def test_the_tables_fit_80_columns_and_every_layer_one_line(tool_here, monkeypatch, digits, source):
    monkeypatch.setenv("COLUMNS", "80")
    path = source if source == "m3" else digits / source
    ran = tool_here("count", path, "--per-layer")
    assert ran.code == 0
    table = [line for line in ran.output.splitlines() if str(path) not in line]
    assert all(len(line) <= 80 for line in table)
    for layer in ("stem", "block2/depthwise_activation", "block4/depthwise", "classifier/logits"):
        assert sum(line.split()[:1] == [layer] for line in table) == 1, layer


def test_json_holds_whole_numbers_that_add_up(tool_here, digits):
    ran = tool_here("count", digits / ONNX_FILE, "--per-layer", "--json")
    assert (ran.code, ran.errors) == (0, "")
    found = json.loads(ran.output)
    layers = found["layers"]
    for key in ("params", "weight_bytes", "constant_bytes", "other_operations", "paper_madds"):
        assert type(found[key]) is int
        assert sum(layer[key] for layer in layers) == found[key], key
    assert found["conv_linear_madds"] == found["conv_madds"] + found["linear_madds"]
    assert found["paper_madds"] == found["conv_linear_madds"] + found["shift_max_madds"]
    assert found["peak_activation_bytes"] == max(layer["peak_activation_bytes"] for layer in layers)
    assert found["network"]["conv_linear_madds"] == 808_240
    assert (found["kind"], found["images"], found["uncounted"], found["notes"]) == ("onnx", 1, {}, [])


def test_json_without_layers_lists_none(tool_here):
    assert "layers" not in json.loads(tool_here("count", "m0", "--json").output)


def test_a_checkpoint_is_counted_at_its_own_size_and_classes(tool_here):
    found = json.loads(tool_here("count", DIGITS, "--json").output)
    assert (found["kind"], found["network"]) == ("checkpoint", None)
    assert (found["conv_linear_madds"], found["paper_madds"]) == (808_240, 919_408)
    assert found["params"] == 383_020


def test_a_checkpoint_as_the_authors_saved_theirs(tool_here, folder):
    torch.save({"state_dict": load_checkpoint(DIGITS).network.state_dict()}, folder / "theirs.pth")
    found = json.loads(tool_here("count", "theirs.pth", "--json").output)
    # It says no size: the family's own. Convolutions grow with the area, what is linear does not.
    assert found["params"] == 383_020
    assert found["conv_madds"] == 2_458_624
    assert found["notes"] == [
        "theirs.pth does not state its input size: counted at 224 px; --input-size counts at another"
    ]
    at_96 = json.loads(tool_here("count", "theirs.pth", "--input-size", 96, "--json").output)
    assert (at_96["conv_linear_madds"], at_96["notes"]) == (808_240, [])


def test_sizes_are_given_for_what_has_none_of_its_own(tool_here, digits):
    larger = json.loads(tool_here("count", "m0", "--input-size", 448, "--json").output)
    assert larger["conv_madds"] > 3.9 * json.loads(tool_here("count", "m0", "--json").output)["conv_madds"]
    ran = tool_here("count", digits / ONNX_FILE, "--input-size", 96)
    assert ran.code == 1
    assert "has a fixed input size: leave --input-size out" in ran.refusal()


def test_a_file_that_does_not_say_what_it_was_made_from_stands_alone(tool_here, folder, digits):
    content = (digits / TFLITE_FILE).read_bytes()
    (folder / "plain.tflite").write_bytes(content[: content.rindex(b"PK\x01\x02") - 100])
    found = json.loads(tool_here("count", "plain.tflite", "--json").output)
    assert found["network"] is None
    assert found["shift_max_madds"] == 138_816


# --- Bad input


@pytest.mark.parametrize(
    ("source", "error_line"),
    [
        ("m9", "m9 is neither a variant (m0, m1, m2, m3) nor an existing file"),
        (".", ". is a folder: give one file"),
        ("none.onnx", "none.onnx does not exist: check the path"),
        ("none.pth", "checkpoint none.pth does not exist"),
        (
            "notes.txt",
            "no installed target reads .txt: give a file ending in .c, .onnx, .tflite, or a checkpoint",
        ),
        ("empty.onnx", "empty.onnx is empty (0 bytes): copy or download it again"),
        ("empty.tflite", "empty.tflite is empty (0 bytes)"),
        ("empty.safetensors", "is empty (0 bytes)"),
        ("half.onnx", "half.onnx cannot be read as an ONNX model"),
        ("half.tflite", "half.tflite is a damaged TFLite model"),
    ],
)
def test_what_cannot_be_counted_is_refused_in_one_line(tool_here, folder, digits, source, error_line):
    for name in ("notes.txt", "empty.onnx", "empty.tflite", "empty.safetensors"):
        (folder / name).write_bytes(b"")
    for name, good in (("half.onnx", ONNX_FILE), ("half.tflite", TFLITE_FILE)):
        content = (digits / good).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
    ran = tool_here("count", source)
    assert ran.code == 1
    assert error_line in ran.refusal()


def test_markup_in_a_name_is_printed_as_it_is(tool_here, folder, digits):
    shutil.copy(digits / ONNX_FILE, folder / "[red]x.onnx")
    assert "[red]x.onnx" in tool_here("count", "[red]x.onnx").output


@pytest.mark.parametrize(
    ("source", "allowed"),
    [("m0", ()), (DIGITS, ()), (ONNX_FILE, ()), (TFLITE_FILE, ())],
    ids=["variant", "checkpoint", "onnx", "tflite"],
)
def test_only_the_file_s_own_format_is_loaded(digits, source, allowed):
    path = digits / source if source in {ONNX_FILE, TFLITE_FILE} else source
    code = (
        "import sys\n"
        "from micronet_edge.pipeline.count import count_source\n"
        f"count_source({str(path)!r})\n"
        f"print([name for name in {RUNTIMES} if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == str(list(allowed))
