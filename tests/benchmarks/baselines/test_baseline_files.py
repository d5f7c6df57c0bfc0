"""Baselines are written like MicroNets: proven, described, whole in XNNPACK, equal to the network."""

import numpy as np
import pytest

from baselines.building import PREPROCESSING
from baselines.checking import check_baseline
from baselines.suite_files import export_baseline
from micronet_edge import ExportSettings
from micronet_edge.data.image_folders import MINIMUM_CALIBRATION, read_calibration
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import open_image
from micronet_edge.errors import SettingsError, TargetError
from micronet_edge.targets.readers import read_metadata
from micronet_edge.targets.registry import target_of
from micronet_edge.verification.manifest import manifest_path

FLOAT_DIFFERENCE = 1e-4
# Logits of random weights: int8 gives 18 to 28 dB and the same class on 75 to 97 % of the images. A wrong
# grid, factor or order of channels gives 3 dB or less, and one class in a thousand.
LEAST_DB, LEAST_AGREEMENT = 14.0, 0.5

FILES = [
    ("mobilenet-v3-small-0.35", "onnx", "float32"),
    ("mobilenet-v3-small-0.35", "onnx", "int8"),
    ("mobilenet-v3-small-0.35", "tflite", "float32"),
    pytest.param(("mobilenet-v3-small-0.35", "tflite", "int8"), marks=pytest.mark.slow),
    ("pp-lcnet-0.25", "onnx", "float32"),
    pytest.param(("pp-lcnet-0.25", "onnx", "int8"), marks=pytest.mark.slow),
    pytest.param(("pp-lcnet-0.25", "tflite", "int8"), marks=pytest.mark.slow),
]


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """Crops of photographs to calibrate and to compare on."""
    random, pictures = np.random.default_rng(0), [np.asarray(open_image(name)) for name in photographs()]
    chosen = []
    for number in range(MINIMUM_CALIBRATION):
        picture = pictures[number % len(pictures)]
        top, left = (random.integers(length - 224 + 1) for length in picture.shape[:2])
        chosen.append(picture[top : top + 224, left : left + 224])
    path = tmp_path_factory.mktemp("crops") / "crops.npy"
    np.save(path, np.stack(chosen))
    return path


def written(name, file_format, precision, folder, calibration, io="float32"):
    calibration = None if precision == "float32" else calibration
    settings = ExportSettings(
        formats=(file_format,), output=folder, precision=precision, calibration=calibration, io=io
    )
    return export_baseline(name, settings).path


@pytest.fixture(scope="module", params=FILES, ids="-".join)
def file(request, crops, tmp_path_factory):
    return request.param, written(*request.param, tmp_path_factory.mktemp("baseline"), crops)


def test_a_file_is_what_its_network_is(file, crops):
    (name, file_format, precision), path = file
    assert path.name == f"{name}-random-{precision}.{file_format}"
    assert manifest_path(path).is_file()
    images = read_calibration(crops, PREPROCESSING).images
    found = check_baseline(path, images)
    assert found.foreign == ()
    assert found.partitions == (1 if file_format == "tflite" else None)
    if precision == "float32":
        assert found.difference <= FLOAT_DIFFERENCE
        assert found.top1_agreement == 1
    else:
        assert found.sqnr_db >= LEAST_DB
        assert found.top1_agreement >= LEAST_AGREEMENT
    described = read_metadata(path)
    assert (described.variant, described.precision) == (name, precision)
    assert described.preprocessing == PREPROCESSING
    kinds = target_of(path).open(path).operators()
    assert "HardSigmoid" not in kinds
    if (file_format, precision) == ("tflite", "int8"):
        assert "HARD_SWISH" not in kinds
    else:
        swishes = kinds["HARD_SWISH" if file_format == "tflite" else "HardSwish"]
        assert swishes == (19 if name.startswith("mobilenet") else 28)


def test_wrong_wishes(refusal, crops, tmp_path):
    def asked(*wanted):
        written(*wanted[:3], tmp_path / "out", *wanted[3:])

    assert "unknown baseline 'm9'" in refusal(SettingsError, asked, "m9", "onnx", "float32", None)
    assert "not int8-a16" in refusal(SettingsError, asked, "pp-lcnet-0.25", "onnx", "int8-a16", crops)
    assert "--calibration DIR" in refusal(SettingsError, asked, "pp-lcnet-0.25", "onnx", "int8", None)
    assert "--io int8" in refusal(TargetError, asked, "pp-lcnet-0.25", "onnx", "int8", crops, "int8")
    assert list(tmp_path.iterdir()) == []
