"""What is counted is what a plain loop counts, whichever file the network lies in."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from cli.command import DIGITS, ONNX_FILE, TFLITE_FILE, shared_digits
from example_images import digits
from PIL import Image

import micronet_edge
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import CheckpointError, SettingsError, TargetError
from micronet_edge.evaluation.evaluate import evaluate
from micronet_edge.models import MicroNet, load_checkpoint, save_checkpoint
from micronet_edge.settings import EvaluateSettings
from micronet_edge.util.statistics import wilson_interval

PER_CLASS = 6
LABELS = tuple("0123456789")


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    return shared_digits(tmp_path_factory) / "files"


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Test digits, each class a folder; of the ones, half were put among the sevens by mistake."""
    folder = tmp_path_factory.mktemp("evaluated")
    written = digits.write_images(tmp_path_factory.mktemp("written")) / "test"
    for label in LABELS:
        for number, path in enumerate(sorted((written / label).iterdir())[:PER_CLASS]):
            misplaced = label == "1" and number >= PER_CLASS // 2
            (folder / ("7" if misplaced else label)).mkdir(exist_ok=True)
            shutil.copy(path, folder / ("7" if misplaced else label))
    return folder


def slow_logits(data, preprocessing=None):
    """The checkpoint's answers one by one, and the truth."""
    loaded = load_checkpoint(DIGITS)
    rows, truth = [], []
    for path in sorted(data.glob("*/*.png")):
        image = (preprocessing or loaded.preprocessing).batch([path])
        with torch.no_grad():
            rows.append(loaded.network(torch.from_numpy(image)).numpy()[0])
        truth.append(LABELS.index(path.parent.name))
    return np.array(rows), np.array(truth)


def saved(path, network=None, labels=LABELS):
    network = network or MicroNet("m0", len(labels)).eval()
    save_checkpoint(network, path, preprocessing=Preprocessing(96, 96), labels=labels)
    return path


@pytest.mark.parametrize("name", [ONNX_FILE, TFLITE_FILE, DIGITS])
def test_the_counts_are_those_of_a_plain_loop(files, data, name):
    told = []
    found = evaluate(
        files / name, data, settings=EvaluateSettings(progress=lambda *count: told.append(count))
    )
    logits, truth = slow_logits(data)
    answers = logits.argmax(1)
    right = answers == truth
    assert found.images == len(truth) == 10 * PER_CLASS
    assert np.array_equal(found.answers, answers)
    assert np.array_equal(found.right, right)
    assert 0.9 < found.top1.share == right.mean() < 1
    assert (found.top1.low, found.top1.high) == wilson_interval(int(right.sum()), len(truth))
    ranks = (logits > np.take_along_axis(logits, truth[:, None], 1)).sum(1)
    assert (found.guesses, found.top5.right) == (5, (ranks < 5).sum())
    for place, row in enumerate(found.classes):
        of_class = answers[truth == place]
        assert (row.label, row.images, row.right) == (LABELS[place], len(of_class), (of_class == place).sum())
    assert (found.classes[7].mistaken_for, found.classes[7].mistaken) == ("1", 3)
    assert (found.classes[0].mistaken_for, found.classes[0].mistaken) == (None, 0)
    assert (found.comparison, found.notes) == (None, ())
    assert [told[0], told[-1]] == [(0, 60), (60, 60)]


def test_beside_the_checkpoint_a_file_that_is_the_same_agrees(files, data):
    found = evaluate(files / ONNX_FILE, data, checkpoint=DIGITS)
    assert found.comparison.top1 == found.top1
    assert found.comparison.agreement == 1
    assert found.comparison.difference.points == 0
    assert found.comparison.difference.low < 0 < found.comparison.difference.high
    assert np.array_equal(found.comparison.answers, found.answers)
    assert found.notes == ()


def test_beside_another_checkpoint_the_difference_is_counted(files, data, tmp_path):
    network = load_checkpoint(DIGITS).network
    network.classifier.logits.linear.bias.data[3] += 99
    blind = saved(tmp_path / "blind.safetensors", network)
    found = evaluate(files / ONNX_FILE, data, checkpoint=blind)
    assert set(found.comparison.answers.tolist()) == {3}
    assert found.comparison.top1.right == PER_CLASS
    assert found.comparison.agreement == (found.answers == 3).mean()
    expected = 100 * (found.top1.share - found.comparison.top1.share)
    assert found.comparison.difference.points == pytest.approx(expected)
    assert found.notes == (f"{files / ONNX_FILE} was made from another checkpoint than {blind}",)


def test_several_processes_find_the_same(files, data):
    told = []
    found = evaluate(
        files / ONNX_FILE,
        data,
        checkpoint=DIGITS,
        settings=EvaluateSettings(processes=2, progress=lambda *each: told.append(each)),
    )
    alone = evaluate(files / ONNX_FILE, data, checkpoint=DIGITS, settings=EvaluateSettings(processes=1))
    assert np.array_equal(found.answers, alone.answers)
    assert found == alone
    assert told == [(0, 60), (32, 60), (60, 60)]


def test_no_processes(files, data, refusal):
    assert "processes 0" in refusal(
        SettingsError, evaluate, files / ONNX_FILE, data, settings=EvaluateSettings(processes=0)
    )


def test_with_fewer_than_five_classes_top_5_looks_at_all(tmp_path):
    few = saved(tmp_path / "few.safetensors", labels=("red", "blue"))
    for label in ("red", "blue"):
        (tmp_path / "data" / label).mkdir(parents=True)
        Image.new("RGB", (50, 50), label).save(tmp_path / "data" / label / "1.png")
    found = evaluate(few, tmp_path / "data")
    assert (found.guesses, found.top5.share) == (2, 1)


def test_a_class_without_images_is_said(files, data, tmp_path):
    shutil.copytree(data, tmp_path / "part", ignore=shutil.ignore_patterns("[2-9]"))
    found = evaluate(files / ONNX_FILE, tmp_path / "part")
    assert (found.classes[5].images, found.classes[5].right, found.classes[5].mistaken_for) == (0, 0, None)
    assert found.notes == ("no images of 8 of 10 classes: 2, 3, 4, 5, 6 and 3 more",)


def test_a_checkpoint_without_labels_is_read_as_export_reads_it(data, tmp_path):
    path = tmp_path / "plain.pth"
    torch.save(load_checkpoint(DIGITS).network.state_dict(), path)
    found = evaluate(path, data)
    logits, _ = slow_logits(data, Preprocessing.imagenet())
    assert np.array_equal(found.answers, logits.argmax(1))
    assert found.notes == ()
    assert found.assumption.startswith(
        f"{path} does not state how it was trained. Assumed, as in the released networks: input 224 px, "
        "short side resized to 256 px, bilinear interpolation, mean 0.485 0.456 0.406, standard deviation "
        "0.229 0.224 0.225, colours in the order RGB, labels '0' to '9'. "
    )
    assert found.summary()["assumption"] == found.assumption


def test_a_file_with_renamed_labels_may_be_compared_with_its_own_checkpoint(data, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"digit {label}" for label in LABELS))
    settings = micronet_edge.ExportSettings(formats=("onnx",), output=tmp_path, labels=labels)
    (exported,) = micronet_edge.export(DIGITS, settings=settings)
    for label in LABELS:
        shutil.copytree(data / label, tmp_path / "data" / f"digit {label}")
    found = evaluate(exported.path, tmp_path / "data", checkpoint=DIGITS)
    assert found.comparison.agreement == 1


# --- What cannot be


def test_a_broken_image_is_named_or_skipped(files, data, tmp_path, refusal):
    shutil.copytree(data, tmp_path / "data")
    broken = tmp_path / "data" / "4" / "broken.png"
    broken.write_bytes(next((data / "4").iterdir()).read_bytes()[:60])
    said = refusal(SettingsError, evaluate, files / ONNX_FILE, tmp_path / "data")
    assert said.startswith(f"{broken} cannot be read as an image: ")
    assert said.endswith("; take it out, or give --skip-unreadable")
    found = evaluate(files / ONNX_FILE, tmp_path / "data", settings=EvaluateSettings(skip_unreadable=True))
    assert (found.images, found.data.skipped) == (60, 1)
    assert found.notes == ("skipped because they are not readable images: 1 of 61 files",)


@pytest.mark.parametrize(
    ("variant", "labels", "error_line"),
    [
        ("m1", LABELS, "holds m1 with 10 classes, "),
        ("m0", LABELS[:7], "holds m0 with 7 classes, "),
        ("m0", tuple("abcdefghij"), "different labels (a, b, c, d, e and 5 more; 0, 1, 2, 3, 4 and 5 more)"),
    ],
    ids=["variant", "classes", "labels"],
)
def test_a_checkpoint_of_another_network(files, data, tmp_path, refusal, variant, labels, error_line):
    network = MicroNet(variant, len(labels)).eval()
    other = saved(tmp_path / "other.safetensors", network, labels)
    said = refusal(CheckpointError, evaluate, files / ONNX_FILE, data, checkpoint=other)
    assert str(other) in said
    assert error_line in said
    assert said.endswith("give the checkpoint it was made from")


def test_answers_that_are_no_numbers(data, tmp_path, refusal):
    network = load_checkpoint(DIGITS).network
    network.classifier.hidden.norm.weight.data.fill_(1e15)
    network.classifier.logits.linear.weight.data.fill_(1e25)
    path = saved(tmp_path / "diverged.safetensors", network)
    said = refusal(CheckpointError, evaluate, path, data)
    assert f"{path}: layer classifier.logits." in said
    assert "gives values beyond float32" in said


@pytest.mark.parametrize(
    ("name", "kind", "error_line"),
    [
        ("none.onnx", TargetError, "none.onnx does not exist: check the path"),
        ("none.pth", CheckpointError, "none.pth does not exist: check the path"),
        (
            "text.txt",
            TargetError,
            "no installed target reads .txt: give a file ending in .c, .onnx, .tflite, or a checkpoint: .saf",
        ),
        ("text.pth", CheckpointError, "text.pth is not a checkpoint"),
        ("text.tflite", TargetError, "text.tflite carries no labels and preprocessing of ours"),
    ],
)
def test_a_file_of_something_else(data, tmp_path, refusal, name, kind, error_line):
    if name.startswith("text"):
        (tmp_path / name).write_text("a text of some length\n")
    assert error_line in refusal(kind, evaluate, tmp_path / name, data)


def test_a_folder_of_other_classes(files, tmp_path, refusal):
    (tmp_path / "cat").mkdir()
    said = refusal(SettingsError, evaluate, files / ONNX_FILE, tmp_path)
    assert "no labels of the network: cat. Its labels are only the numbers 0 to 9" in said


def test_paths_may_be_text(files, data):
    assert evaluate(str(files / ONNX_FILE), str(data)).path == Path(files / ONNX_FILE)
