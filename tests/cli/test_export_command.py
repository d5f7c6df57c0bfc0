"""What `micronet-edge export` prints and writes."""

import hashlib
import json
import sys

import pytest
from cli.command import DIGITS, FILES, ONNX_FILE, TFLITE_FILE, names

from micronet_edge import read_metadata
from micronet_edge.lowering.cost_model.tuning import SHIPPED
from micronet_edge.verification.manifest import manifest_path


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_both_formats_their_manifests_and_cards_are_written_and_nothing_else(digits):
    assert set(names(digits)) == FILES


def test_json_describes_every_file(digits_run):
    described = json.loads((digits_run / "stdout").read_text())
    assert [file["path"] for file in described] == [f"files/{ONNX_FILE}", f"files/{TFLITE_FILE}"]
    assert [file["format"] for file in described] == ["onnx", "tflite"]
    for file in described:
        path = digits_run / file["path"]
        assert digits_run / file["manifest"] == manifest_path(path)
        assert digits_run / file["card"] == path.with_name(f"{path.name}.md")
        assert file["size_bytes"] == path.stat().st_size
        assert (file["precision"], file["random_weights"]) == ("float32", False)
        assert file["proof"]["images"] == 5
        assert file["proof"]["top1_agreement"] == 1
        assert file["proof"]["relative_difference"] < 1e-5


def test_every_step_is_shown_on_stderr(digits_run):
    lines = (digits_run / "stderr").read_text().splitlines()
    assert lines[0] == "· reading the network"
    assert lines[-1] == "· moving the files into place"
    assert all(line.startswith("· ") for line in lines)  # nothing that a runtime says of itself
    for target in ("onnx", "tflite"):
        assert [line.split(": ")[1] for line in lines if f" {target}: " in line] == [
            "lowering the network",
            "writing the file",
            "proving that it computes the same function",
        ]


@pytest.mark.parametrize("name", [ONNX_FILE, TFLITE_FILE])
def test_the_manifest_tells_the_truth(digits_run, digits, name):
    path = digits / name
    manifest = json.loads(manifest_path(path).read_text())
    (described,) = (file for file in json.loads((digits_run / "stdout").read_text()) if name in file["path"])
    assert manifest["file"] == {"name": name, "size_bytes": path.stat().st_size, "sha256": sha256(path)}
    assert manifest["input"] == {
        "weights": DIGITS.name,
        "sha256": sha256(DIGITS),
        "set": None,
        "notes": [],
    }
    assert manifest["assumed"] == {"fields": [], "values": []}
    assert manifest["variant"] == "m0"
    assert manifest["labels"] == 10
    assert manifest["settings"] == {
        "input_size": 96,
        "batch": 1,
        "precision": "float32",
        "io": "float32",
        "naive": False,
        "portable": False,
        "fused": False,
        "for": "default",
        "tuning": SHIPPED.machine,
    }
    assert manifest["preprocessing"] == json.loads(json.dumps(read_metadata(path).preprocessing.to_dict()))
    assert manifest["proof"] == described["proof"]
    assert all(step["difference"] <= 1e-4 for step in manifest["passes"])
    assert {"FoldBatchNorm", "PermuteChannels"} <= {step["name"] for step in manifest["passes"]}
    packages = ("micronet-edge", "torch", "onnx", "onnxruntime", "tensorflow", "ai-edge-litert", "onnx2tf")
    assert manifest["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert all(manifest["versions"][package][0].isdigit() for package in packages)


def test_random_weights_are_said_aloud_and_recorded(tool, folder):
    ran = tool("export", "m0", "--num-classes", "5", "--input-size", "64", "--format", "onnx")
    assert ran.code == 0, ran.errors
    assert "RANDOM WEIGHTS" in ran.errors
    assert "onnx" in ran.output
    name = "m0-random-float32.onnx"
    manifest = json.loads((folder / f"{name}.manifest.json").read_text())
    assert manifest["input"] == {"weights": "random, for timing only", "seed": 0}
    metadata = read_metadata(folder / name)
    assert metadata.checkpoint_sha256 is None
    assert (metadata.labels, metadata.preprocessing.size) == (tuple("01234"), 64)


def test_variant_with_checkpoint_labels_from_a_file_and_another_size(tool, folder):
    labels = [f"number {name}" for name in ("öne", "two", *range(8))]
    (folder / "labels.txt").write_text("\n".join(labels), encoding="utf-8-sig")  # as some editors save
    (folder / ONNX_FILE).write_text("older")
    ran = tool(
        *("export", "m0", "--checkpoint", DIGITS, "--format", "onnx", "--format", "onnx", "--overwrite"),
        *("--labels", "labels.txt", "--input-size", "64", "--batch", "dynamic", "--portable"),
    )
    assert ran.code == 0, ran.errors
    assert "RANDOM" not in ran.errors
    assert set(names(folder)) == {"labels.txt", ONNX_FILE, f"{ONNX_FILE}.manifest.json", f"{ONNX_FILE}.md"}
    metadata = read_metadata(folder / ONNX_FILE)
    assert metadata.labels == tuple(labels)
    assert metadata.preprocessing.size == 64
    assert metadata.portable
    settings = json.loads((folder / f"{ONNX_FILE}.manifest.json").read_text())["settings"]
    assert (settings["batch"], settings["portable"]) == ("dynamic", True)
