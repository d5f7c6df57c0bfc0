"""What one format's failure says, and what of a job is refused before the work begins."""

import pytest
from cli.command import DIGITS
from example_images import digits as images
from quantized_digits import image_folder

from micronet_edge.errors import SettingsError, TargetError
from micronet_edge.pipeline.run import _check_failures, quantize
from micronet_edge.settings import QuantizeSettings


def test_a_failure_names_its_format_and_the_one_that_came_out_well(refusal):
    error_line = refusal(TargetError, _check_failures, {"tflite": TargetError("cannot be opened")}, ["onnx"])
    assert error_line == "tflite: cannot be opened; onnx succeeded: give --format onnx"


def test_where_nothing_failed_nothing_is_said():
    _check_failures({}, ["onnx", "tflite"])


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    folder = tmp_path_factory.mktemp("few")
    source = images.image_paths("train", image_folder(tmp_path_factory))[0]
    (folder / source.parent.name).mkdir()
    (folder / source.parent.name / source.name).write_bytes(source.read_bytes())
    return folder


def test_too_few_images_to_fine_tune_on_are_refused_at_once(few, tmp_path, refusal):
    told = []
    settings = QuantizeSettings(output=tmp_path / "out", calibration=tmp_path / "none", finetune=few)
    error_line = refusal(SettingsError, quantize, DIGITS, settings=settings, report=told.append)
    assert "too few to fine-tune on: give 256 or more" in error_line
    assert told == [
        "reading the network and the images",
        "classes, in the order of the network's labels: '0' is class 0",
    ]
