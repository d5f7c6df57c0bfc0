"""Any `nn.Module` goes the way that variants and checkpoints go; what it is called lies beside it."""

import copy
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from cli.command import DIGITS, ONNX_FILE, shared_digits, shared_quantized
from example_images import digits as images
from quantized_digits import image_folder
from torch import nn

import micronet_edge
from micronet_edge import (
    EvaluateSettings,
    ExportSettings,
    FileMetadata,
    Preprocessing,
    QuantizeSettings,
    read_metadata,
)
from micronet_edge.errors import LoweringError, NetworkError, SettingsError, VerificationError
from micronet_edge.models import load_checkpoint
from micronet_edge.models.own_networks import state_sha256
from micronet_edge.settings import SensitivitySettings

SIZE = 40
LABELS = tuple("abcdefg")
METADATA = FileMetadata("tiny", LABELS, Preprocessing(SIZE, SIZE + 8))


class Tiny(nn.Module):
    """Layers that anybody has, and none of ours."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6())
        self.windows = nn.Conv2d(16, 16, 3, 2, 1, groups=16)
        self.head = nn.Linear(16, len(LABELS))

    def forward(self, x):
        y = torch.relu(self.windows(self.stem(x)))
        return self.head(nn.functional.adaptive_avg_pool2d(y, 1).flatten(1))


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    return Tiny()


@pytest.fixture(scope="module")
def exported(tiny, tmp_path_factory):
    settings = ExportSettings(output=tmp_path_factory.mktemp("tiny"))
    return micronet_edge.export(tiny, metadata=METADATA, settings=settings)


@pytest.fixture(scope="module")
def digits():
    """A trained network as a module, and what is known of it."""
    loaded = load_checkpoint(DIGITS)
    return loaded.network, FileMetadata("my-digits", loaded.labels, loaded.preprocessing)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A few test images of each digit."""
    source, folder = image_folder(tmp_path_factory) / "test", tmp_path_factory.mktemp("data")
    for label in images.LABELS:
        (folder / label).mkdir()
        for path in sorted((source / label).iterdir())[:3]:
            shutil.copy(path, folder / label)
    return folder


# --- In float


def test_files_say_what_the_metadata_says(tiny, exported):
    assert [file.path.name for file in exported] == ["tiny-float32.onnx", "tiny-float32.tflite"]
    for file in exported:
        found = read_metadata(file.path)
        assert (found.variant, found.labels, found.preprocessing) == ("tiny", LABELS, METADATA.preprocessing)
        assert found.checkpoint_sha256 == state_sha256(tiny)
        assert file.proof.relative_difference < 1e-5
        assert (file.assumption, file.random_weights) == (None, False)
        assert "those of Tiny" in file.manifest.read_text()


def test_the_module_stays_as_it_is(tiny, exported):
    assert exported
    assert tiny.training
    assert all(module.training for module in tiny.modules())


def test_a_file_is_proven_again_with_the_module_and_with_no_other(tiny, exported, refusal):
    for file in exported:
        proof = micronet_edge.verify(file.path, tiny)
        assert proof.relative_difference == file.proof.relative_difference
        other = copy.deepcopy(tiny)
        with torch.no_grad():
            other.head.bias[2] += 1
        assert "does not compute the same function" in refusal(
            VerificationError, micronet_edge.verify, file.path, other
        )


def test_the_same_weights_make_the_same_file_from_a_module(digits, tmp_path, tmp_path_factory):
    network, metadata = digits
    settings = ExportSettings(output=tmp_path, formats=("onnx",))
    checkpoint = shared_digits(tmp_path_factory) / "files" / ONNX_FILE
    given = replace(metadata, variant="m0", checkpoint_sha256=read_metadata(checkpoint).checkpoint_sha256)
    (file,) = micronet_edge.export(network, metadata=given, settings=settings)
    assert file.path.read_bytes() == checkpoint.read_bytes()


def test_random_weights_are_said(tiny, tmp_path):
    metadata = replace(METADATA, checkpoint_sha256=None)
    settings = ExportSettings(output=tmp_path, formats=("onnx",))
    (file,) = micronet_edge.export(tiny, metadata=metadata, settings=settings)
    assert file.random_weights
    assert file.path.name == "tiny-random-float32.onnx"


def test_without_metadata_all_is_assumed_and_said(tiny, tmp_path):
    settings = ExportSettings(output=tmp_path, formats=("onnx",), input_size=64)
    (file,) = micronet_edge.export(tiny, settings=settings)
    assert read_metadata(file.path).labels == tuple("0123456")
    assert file.assumption.startswith("Tiny does not state how it was trained.")


# --- Counted, evaluated, quantized


def test_it_is_counted(tiny):
    found = micronet_edge.count(tiny, 64)
    assert (found.kind, found.source) == ("network", "Tiny")
    assert found.count.params == sum(each.numel() for each in tiny.parameters())


def test_it_is_evaluated_as_its_checkpoint_is(digits, data):
    network, metadata = digits
    found = micronet_edge.evaluate(network, data, metadata=metadata, checkpoint=DIGITS)
    expected = micronet_edge.evaluate(DIGITS, data)
    assert np.array_equal(found.answers, expected.answers)
    assert found.comparison.agreement == 1
    assert found.summary()["file"] == "MicroNet"
    assert found.fused == 0


def test_a_file_is_compared_with_the_module(digits, data, tmp_path_factory):
    file = shared_digits(tmp_path_factory) / "files" / ONNX_FILE
    found = micronet_edge.evaluate(file, data, checkpoint=digits[0], settings=EvaluateSettings(processes=2))
    assert found.comparison.agreement == 1
    assert str(found.comparison.checkpoint) == "MicroNet"


def test_it_is_quantized_proven_again_and_looked_into(digits, data, tmp_path, tmp_path_factory, refusal):
    network, metadata = digits
    calibration = shared_quantized(tmp_path_factory) / "calibration"
    settings = QuantizeSettings(output=tmp_path, formats=("tflite",), calibration=calibration)
    artifacts = micronet_edge.quantize(network, metadata=metadata, settings=settings)
    (file,) = artifacts.files
    assert file.path.name == "my-digits-int8.tflite"
    proof = micronet_edge.verify(file.path, network, calibration=calibration, kernels="off")
    assert proof.top1_agreement == file.proof.top1_agreement
    found = micronet_edge.sensitivity(file.path, network, calibration, SensitivitySettings(data=data))
    assert found.analysis.top1_float > 0.9
    assert str(found.checkpoint) == "MicroNet"
    other = copy.deepcopy(network)
    other.classifier.logits.linear.bias.data[0] += 1
    error_line = refusal(SettingsError, micronet_edge.verify, file.path, other, calibration=calibration)
    assert "was not made from MicroNet" in error_line


# --- Refused


class Untraceable(Tiny):
    def forward(self, x):
        return super().forward(x) if x.sum() > 0 else super().forward(-x)


@pytest.mark.parametrize(
    ("network", "metadata", "kind", "error_line"),
    [
        (Untraceable, METADATA, LoweringError, "Untraceable cannot be traced: forward decides"),
        (lambda: Tiny().half(), METADATA, NetworkError, "is torch.float16: give the network as .float()"),
        (lambda: nn.Linear(3, 3), METADATA, NetworkError, "Linear cannot take input [1, 3, 40, 40]: mat1"),
        (
            Tiny,
            replace(METADATA, labels=("a", "b")),
            NetworkError,
            "Tiny outputs 7 classes, the metadata has 2 labels: give one label per class",
        ),
        (Tiny, replace(METADATA, variant="../tiny"), SettingsError, "give a valid file name"),
    ],
)
def test_a_network_that_will_not_do(refusal, tmp_path, network, metadata, kind, error_line):
    settings = ExportSettings(output=tmp_path / "out")
    found = refusal(kind, micronet_edge.export, network(), metadata=metadata, settings=settings)
    assert error_line in found
    assert list(tmp_path.iterdir()) == []


def test_another_number_of_classes(refusal, tiny):
    settings = ExportSettings(num_classes=3)
    error_line = refusal(NetworkError, micronet_edge.export, tiny, settings=settings)
    assert error_line == "Tiny outputs 7 classes, not 3: leave --num-classes out"


def test_what_is_said_twice(refusal, tiny):
    def refused(given, **more):
        return refusal(SettingsError, micronet_edge.export, given, **more)

    said = ExportSettings(input_size=64)
    assert "the metadata sets input_size" in refused(tiny, metadata=METADATA, settings=said)
    assert "metadata is for modules and factories only" in refused("m0", metadata=METADATA)
    assert "--checkpoint applies to a variant only, not to" in refused(
        tiny, metadata=METADATA, checkpoint=DIGITS
    )
    weights = ExportSettings(weights=DIGITS)
    assert "load them into the Tiny before" in refused(tiny, metadata=METADATA, settings=weights)
    assert "weights only with a factory" in refused(DIGITS, settings=weights)
    assert "m0 has random weights: give --checkpoint FILE" in refused("m0", settings=weights)
