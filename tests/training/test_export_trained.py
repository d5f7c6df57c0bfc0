"""What `--export` writes: proven files, measured on the validation images."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from cli.command import DIGITS, shared
from example_images import digits
from training.fitted_samples import Kept, fitted, with_dataset

from micronet_edge.errors import VerificationError
from micronet_edge.evaluation.evaluate import evaluate
from micronet_edge.evaluation.networks import open_network
from micronet_edge.models import MicroNet, load_checkpoint, save_checkpoint
from micronet_edge.training.export_files import export_files, spread
from micronet_edge.training.images import ImageSet
from micronet_edge.util.latency import latency_ms
from micronet_edge.util.user_files import card_path

TRAINED_ON, VALIDATED_ON = 64, 60


def image_set(part, images, count):
    paths = digits.image_paths(part, images)
    paths = paths[:: len(paths) // count][:count]
    return ImageSet(
        Kept(tuple(path.read_bytes() for path in paths)), tuple(digits.image_label(path) for path in paths)
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The committed digits network, as if it had just been trained."""
    images = shared(tmp_path_factory, "digit-images", digits.write_images)
    checkpoint = tmp_path_factory.mktemp("trained") / DIGITS.name
    checkpoint.write_bytes(DIGITS.read_bytes())
    run = with_dataset(
        fitted(digits.LABELS),
        train=image_set("train", images, TRAINED_ON),
        validation=image_set("test", images, VALIDATED_ON),
    )
    store = run.plan.dataset.validation.store
    preprocessing = load_checkpoint(checkpoint).preprocessing
    paths = [checkpoint.parent / f"{index}.png" for index in range(len(store))]
    for index, path in enumerate(paths):
        path.write_bytes(store.read(index))
    logits = open_network(checkpoint).run(preprocessing.batch(paths))
    return replace(
        run,
        plan=replace(run.plan, preprocessing=preprocessing),
        checkpoint=checkpoint,
        probabilities=np.asarray(torch.from_numpy(logits).softmax(1)),
    )


@pytest.fixture(scope="module")
def exported(run):
    said = []
    return export_files(run, run.checkpoint.parent, said.append), said


def test_there_is_a_row_for_each_file_and_the_checkpoint_comes_first(run, exported):
    files, _ = exported
    assert [(file.format, file.precision) for file in files] == [
        ("pytorch", "float32"),
        ("onnx", "float32"),
        ("tflite", "float32"),
        ("onnx", "int8"),
        ("tflite", "int8"),
    ]
    for file in files:
        assert file.path.parent == run.checkpoint.parent
        assert file.size_bytes == file.path.stat().st_size
        assert file.low <= file.top1 <= file.high + 1e-9
        assert 0 < file.latency_ms < 1000


def test_the_accuracy_is_what_evaluate_says(run, exported, tmp_path):
    files, _ = exported
    images = run.plan.dataset.validation
    for index, place in enumerate(images.classes):
        (tmp_path / digits.LABELS[place]).mkdir(exist_ok=True)
        (tmp_path / digits.LABELS[place] / f"{index}.png").write_bytes(images.store.read(index))
    for file in files:
        top1 = evaluate(file.path, tmp_path).top1
        assert (file.top1, file.low, file.high) == (top1.share, top1.low, top1.high)


def test_each_card_states_the_accuracy(exported):
    files, _ = exported
    for file in files[1:]:
        text = card_path(file.path).read_text()
        stated = f"{100 * file.top1:.2f} % top-1 on {VALIDATED_ON} validation images of `photos`."
        assert f"- **Accuracy**: {stated}" in text


def test_each_step_is_reported(exported):
    _, said = exported
    assert said[-1] == "measuring 4 files on the validation images"
    assert any("calibrat" in line for line in said)


@pytest.mark.slow
@pytest.mark.usefixtures("exported")
def test_a_second_time_replaces_the_files_and_too_few_images_make_no_int8(run):
    few = run.plan.dataset.train
    few = ImageSet(Kept(few.store.images[:20]), few.classes[:20])
    said = []
    again = export_files(with_dataset(run, train=few), run.checkpoint.parent, said.append)
    assert [file.precision for file in again] == ["float32"] * 3
    assert any(line.startswith("no int8 files: 20 training images are too few") for line in said)


@pytest.mark.slow
def test_a_network_that_cannot_be_quantized_is_trained_all_the_same(run, tmp_path, refusal):
    torch.manual_seed(0)
    checkpoint = tmp_path / "untrained.safetensors"
    save_checkpoint(
        MicroNet("m0", num_classes=10).eval(),
        checkpoint,
        preprocessing=replace(run.plan.preprocessing, size=32, resize=32),
        labels=digits.LABELS,
    )
    said = refusal(
        VerificationError, export_files, replace(run, checkpoint=checkpoint), tmp_path, lambda _: None
    )
    assert said.startswith(f"{checkpoint} is trained, but its files cannot be written: onnx: ")


@pytest.mark.parametrize(
    ("sizes", "most", "expected"),
    [((5, 5, 5), 6, (2, 2, 2)), ((1, 10, 10), 9, (1, 4, 4)), ((2, 2), 9, (2, 2)), ((3, 100), 50, (3, 47))],
)
def test_calibration_images_are_of_all_classes_alike(sizes, most, expected):
    classes = tuple(number for number, size in enumerate(sizes) for _ in range(size))
    chosen = spread(ImageSet(Kept(()), classes), most)
    counted = Counter(classes[index] for index in chosen)
    assert tuple(counted[number] for number in range(len(sizes))) == expected
    assert len(set(chosen)) == len(chosen)


def test_a_latency_is_the_median_of_its_calls(monkeypatch):
    clock = iter(range(10_000))
    monkeypatch.setattr("time.perf_counter_ns", lambda: next(clock) * 2_000_000)
    assert latency_ms(lambda: None) == 2.0
