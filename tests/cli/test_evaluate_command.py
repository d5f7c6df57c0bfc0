"""What `micronet-edge evaluate` prints, and how it ends when it cannot."""

import json
import os
import shutil
import signal
import time

import pytest
from cli.command import DIGITS, ONNX_FILE, TFLITE_FILE, children_of, start
from example_images import digits as images
from PIL import Image

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.evaluation.evaluate import evaluate
from micronet_edge.models import MicroNet, save_checkpoint

PATIENCE_S = 120


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    return images.write_images(tmp_path_factory.mktemp("written"))


@pytest.fixture
def data(written, folder):
    """Four test images of each digit, in the folder where the command runs."""
    for label in images.LABELS:
        (folder / "data" / label).mkdir(parents=True)
        for path in sorted((written / "test" / label).iterdir())[:4]:
            shutil.copy(path, folder / "data" / label)
    return folder / "data"


def test_a_table_and_a_summary_within_80_columns(tool_here, digits, data):
    ran = tool_here("evaluate", digits / TFLITE_FILE, "--data", data, "--checkpoint", DIGITS)
    assert ran.code == 0, ran.errors
    lines = [line.rstrip() for line in ran.output.splitlines()]
    assert max(map(len, lines)) <= 80
    assert "   7  7           4      4  100.0%" in lines
    assert f"{TFLITE_FILE} (float32) on 40 images" in lines
    assert "top-1  100.00% (40 right), 95 % interval 91.24% to 100.00%" in lines
    assert "top-5  100.00% (40 right)" in lines
    assert f"{DIGITS.name} on the same images: top-1 100.00%" in lines
    assert "same class on 100.00% of the images" in lines
    assert "top-1 differs by +0.00 points, 95 % interval -8.76 to +8.76" in lines
    assert "images" not in ran.errors  # no bar where there is no terminal


def test_json_is_all_there_is_on_stdout(tool_here, digits, data):
    ran = tool_here("evaluate", digits / ONNX_FILE, "--data", "data", "--checkpoint", DIGITS, "--json")
    assert ran.code == 0, ran.errors
    assert ran.errors == ""
    found = json.loads(ran.output)
    assert found == json.loads(json.dumps(evaluate(digits / ONNX_FILE, data, checkpoint=DIGITS).summary()))
    assert (found["images"], found["skipped"], found["data"]) == (40, 0, "data")
    assert found["top1"]["right"] == 40
    assert found["top5"]["guesses"] == 5
    assert found["comparison"]["agreement"] == 1
    assert found["comparison"]["difference"]["points"] == 0
    assert [row["label"] for row in found["classes"]] == list("0123456789")


def test_a_checkpoint_and_files_that_are_skipped(tool_here, data):
    (data / "3" / "film.mp4").write_bytes(b"")
    shutil.rmtree(data / "8")
    ran = tool_here("evaluate", DIGITS, "--data", data, "--skip-unreadable")
    assert ran.code == 0, ran.errors
    assert f"{DIGITS.name} (float32) on 36 images" in ran.output
    assert ran.errors.splitlines() == [
        "note: skipped because they are not readable images: 1 of 37 files",
        "note: no images of 1 of 10 classes: 8",
    ]


def test_of_many_classes_the_worst_are_shown_and_labels_are_plain_text(tool_here, folder):
    labels = tuple(f"[red]{number:02d} :smile: {'long ' * 9}" for number in range(30))
    network = MicroNet("m0", 30).eval()
    network.classifier.logits.linear.bias.data[0] += 99
    save_checkpoint(network, folder / "m.safetensors", preprocessing=Preprocessing(32, 32), labels=labels)
    for number, label in enumerate(labels):
        (folder / "data" / label).mkdir(parents=True)
        Image.new("L", (40, 40), number).save(folder / "data" / label / "1.png")
    ran = tool_here("evaluate", "m.safetensors", "--data", "data")
    assert ran.code == 0, ran.errors
    assert "The 20 of 30 classes with the lowest accuracy" in ran.output
    assert max(map(len, ran.output.splitlines())) <= 80
    assert "[red]01 :smile:" in ran.output
    assert ran.output.count("0.0%") == 20


@pytest.mark.parametrize(
    ("arguments", "error_line"),
    [
        (("none.onnx", "--data", "data"), "none.onnx does not exist"),
        ((DIGITS, "--data", "none"), "none is not a folder: give one"),
        ((DIGITS, "--data", "."), "the class folders seem to lie in data: give that"),
        ((DIGITS, "--data", "data/3"), "lies in no class folder"),
        ((DIGITS, "--data", "data", "--checkpoint", "none.pth"), "checkpoint none.pth does not exist"),
    ],
    ids=["file", "folder", "above", "below", "checkpoint"],
)
@pytest.mark.usefixtures("data")
def test_a_refusal(tool_here, arguments, error_line):
    ran = tool_here("evaluate", *arguments)
    assert ran.code == 1
    assert error_line in ran.refusal()


def test_an_unreadable_image(tool_here, digits, data):
    (data / "3" / "film.mp4").write_bytes(b"")
    ran = tool_here("evaluate", digits / ONNX_FILE, "--data", "data")
    assert ran.code == 1
    assert "data/3/film.mp4 cannot be read as an image" in ran.refusal()


def test_without_data_the_usage_is_wrong(tool):
    ran = tool("evaluate", DIGITS)
    assert ran.code == 2
    assert "--data" in ran.errors


# A terminal sends Ctrl-C to the whole group, `kill` goes to the one process.
@pytest.mark.parametrize(
    ("number", "kill"), [(signal.SIGINT, os.killpg), (signal.SIGTERM, os.kill)], ids=["ctrl-c", "terminated"]
)
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core gets one process")
def test_an_interruption_ends_all_processes(written, digits, folder, number, kill):
    command = ("evaluate", digits / ONNX_FILE, "--data", written / "train")
    with start(*command, cwd=folder) as process:
        end = time.monotonic() + PATIENCE_S
        while not any("spawn_main" in line for line in children_of(process.pid)):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        kill(process.pid, number)
        output, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 130
        while list(children_of(process.pid)):  # none is at work, one may be on its way out
            assert time.monotonic() < end
    assert (output, errors) == ("", "error: interrupted; nothing was written\n")
