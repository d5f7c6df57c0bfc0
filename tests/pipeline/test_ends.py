"""Files take pixels in every type and give what was asked for: as the network, fed as an app feeds them."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter
from torch import nn

import micronet_edge
from micronet_edge import ExportSettings, FileMetadata, Preprocessing, QuantizeSettings, read_metadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import open_image
from micronet_edge.data.signature import Signature, TensorSpec
from micronet_edge.errors import SettingsError, TargetError
from micronet_edge.settings import SensitivitySettings
from micronet_edge.targets.registry import target_of

SIZE, LABELS = 32, tuple("abcde")
PREPROCESSING = Preprocessing(SIZE, SIZE + 4)
METADATA = FileMetadata("small", LABELS, PREPROCESSING)
FLOATS, INTEGERS = ("float32", "float16"), ("int8", "int8-a16")
ENDS = [
    *(
        (precision, "float32", pixels, scores)
        for precision, pixels, scores in product(
            (*FLOATS, *INTEGERS), ("normalized", "raw", "unit"), ("logits", "softmax")
        )
    ),
    *(
        (precision, "uint8", "normalized", scores)
        for precision, scores in product((*FLOATS, *INTEGERS), ("logits", "softmax"))
    ),
    *(("int8", "int8", "normalized", scores) for scores in ("logits", "softmax")),
]
# Float16 rounds weights to 11 bits; integers round activations, to 8 or to 16 bits.
CLOSE = {"float32": 1e-4, "float16": 5e-3, "int8": 0.08, "int8-a16": 0.02}


class Small(nn.Module):
    """A convolution with a border, whose zeros are grey, then layers that anybody has."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.windows = nn.Conv2d(8, 8, 3, 2, 1, groups=8)
        self.head = nn.Linear(8, len(LABELS))

    def forward(self, x):
        y = torch.relu(self.windows(self.stem(x)))
        return self.head(nn.functional.adaptive_avg_pool2d(y, 1).flatten(1))


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(3)
    network = Small().eval()
    network.head.weight.data *= 20  # classes that differ from image to image
    return network


@pytest.fixture(scope="module")
def photos() -> np.ndarray:
    """Photographs as bytes [n, h, w, c], each from several places."""
    whole = [np.asarray(PREPROCESSING.cropped(open_image(path))) for path in photographs()]
    return np.stack([np.roll(each, 5 * place, axis=(0, 1)) for each in whole for place in range(8)])


@pytest.fixture(scope="module")
def images(photos) -> np.ndarray:
    return PREPROCESSING.normalized(photos.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255))


@pytest.fixture(scope="module")
def calibration(images, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("calibration") / "images.npy"
    np.save(path, images)
    return path


def settings_of(precision, io, pixels, scores, folder, **more) -> QuantizeSettings:
    ends = {"precision": precision, "io": io, "pixels": pixels, "scores": scores}
    return QuantizeSettings(output=folder, formats=("tflite",), **ends, **more)


@pytest.fixture(scope="module")
def written(small, calibration, tmp_path_factory):
    """Writes a file with these ends, once."""
    folder, files = tmp_path_factory.mktemp("ends"), {}

    def write(*ends, **more) -> Path:
        if ends not in files:
            integer = ends[0] in INTEGERS
            settings = settings_of(*ends, folder, **({"calibration": calibration} if integer else {}), **more)
            run = micronet_edge.quantize if integer else micronet_edge.export
            made = run(small, metadata=METADATA, settings=settings)
            files[ends] = (made.files if integer else made)[0].path
        return files[ends]

    return write


def expected_of(small, images, scores) -> np.ndarray:
    with torch.no_grad():
        logits = small(torch.from_numpy(images))
    return (logits.softmax(1) if scores == "softmax" else logits).numpy()


def run_as_an_app(path, given) -> np.ndarray:
    """What a program that knows nothing of us gets from LiteRT, as real numbers."""
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    (image,), (scores,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert given.dtype == image["dtype"]
    found = []
    for each in given:
        interpreter.set_tensor(image["index"], each[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(scores["index"])[0])
    scale, zero_point = scores["quantization"]
    values = np.stack(found)
    return (
        values if values.dtype == np.float32 else (values.astype(np.float32) - zero_point) * np.float32(scale)
    )


def as_an_app_has_them(photos, images, io, pixels) -> np.ndarray:
    match io, pixels:
        case "uint8", _:
            return photos
        case "int8", _:
            return (photos.astype(np.int16) - 128).astype(np.int8)
        case _, "raw":
            return photos.astype(np.float32)
        case _, "unit":
            return photos.astype(np.float32) / np.float32(255)
        case _:
            return images.transpose(0, 2, 3, 1)


@pytest.mark.parametrize(("precision", "io", "pixels", "scores"), ENDS)
def test_every_file_answers_as_the_network_does(
    written, small, photos, images, precision, io, pixels, scores
):
    path = written(precision, io, pixels, scores)
    found = run_as_an_app(path, as_an_app_has_them(photos, images, io, pixels))
    expected = expected_of(small, images, scores)
    assert np.abs(found - expected).max() <= CLOSE[precision] * np.abs(expected).max()
    session = target_of(path).open(path)
    np.testing.assert_allclose(session.run(images), found, rtol=1e-5, atol=1e-5 * np.abs(found).max())


@pytest.mark.parametrize(("precision", "io", "pixels", "scores"), ENDS)
def test_files_say_what_they_take_and_give(written, precision, io, pixels, scores):
    path = written(precision, io, pixels, scores)
    metadata = read_metadata(path)
    numbers = pixels if io == "float32" else "raw"
    assert (metadata.io, metadata.pixels, metadata.scores) == (io, numbers, scores)
    assert metadata == FileMetadata.from_texts(metadata.to_texts(), "a file")
    manifest = json.loads(path.with_name(f"{path.name}.manifest.json").read_text())["settings"]
    assert (manifest["io"], manifest["pixels"], manifest["scores"]) == (io, pixels, scores)
    (given,), (made,) = metadata.interface.inputs, metadata.interface.outputs
    runner = Interpreter(str(path)).get_signature_runner("serving_default")
    assert [*runner.get_input_details()] == [given.name] == ["image"]
    assert [*runner.get_output_details()] == [made.name] == ["scores" if scores == "softmax" else "logits"]
    integer_to_the_end = precision == "int8" and io != "float32"
    kinds = [runner.get_input_details()["image"]["dtype"], runner.get_output_details()[made.name]["dtype"]]
    assert kinds == [np.dtype(io), np.dtype(io if integer_to_the_end else "float32")]


def test_every_file_has_a_name_of_its_own(written):
    names = {written(*ends).name for ends in ENDS}
    assert len(names) == len(ENDS)
    assert {"small-int8-io-int8.tflite", "small-float32.tflite"} <= names  # as they always were
    assert {"small-float16-io-uint8-softmax.tflite", "small-int8-a16-raw.tflite"} <= names


@pytest.mark.parametrize("precision", FLOATS)
@pytest.mark.parametrize("ends", [("uint8", "normalized"), ("float32", "raw"), ("float32", "unit")])
def test_the_deviation_is_in_the_stem(written, precision, ends):
    path = written(precision, *ends, "logits")
    operators = target_of(path).open(path).operators()
    assert "MUL" not in operators
    assert operators["ADD"] == 1  # of the mean: the border is padded with zeros behind it


@pytest.mark.parametrize("ends", [("uint8", "normalized"), ("float32", "raw"), ("int8", "normalized")])
def test_integers_need_no_normalization(written, ends):
    plain, path = written("int8", "float32", "normalized", "logits"), written("int8", *ends, "logits")
    theirs, ours = (target_of(each).open(each).operators() for each in (plain, path))
    assert theirs["MUL"] == ours.get("MUL", 0) + 1
    assert theirs["ADD"] == ours.get("ADD", 0) + 1


def test_integers_are_the_same_whatever_the_image_comes_in(written, images):
    files = [
        written("int8", io, pixels, "softmax")
        for io, pixels in (
            ("uint8", "normalized"),
            ("int8", "normalized"),
            ("float32", "raw"),
            ("float32", "unit"),
        )
    ]
    first, *others = (target_of(path).open(path).run(images) for path in files)
    for each in others:
        np.testing.assert_allclose(each, first, atol=1e-6)


# --- What is done with such files

BYTES = [("float32", "uint8", "normalized", "softmax"), ("int8", "uint8", "normalized", "softmax")]


@pytest.mark.parametrize("ends", [*BYTES, ("int8-a16", "float32", "raw", "softmax")])
def test_they_are_verified_again(written, small, calibration, ends):
    path = written(*ends)
    given = {"calibration": calibration} if ends[0] in INTEGERS else {"samples": calibration}
    proof = micronet_edge.verify(path, small, **given)
    assert proof.cosine > 0.99
    assert proof.difference < 0.1  # of probabilities


def test_the_images_of_a_proof_become_whole_pixels(written, small, images, tmp_path):
    """Between two bytes a file that takes bytes can only round."""
    between = images + 0.4 / 255 / np.float32(max(PREPROCESSING.std))
    np.save(tmp_path / "between.npy", between)
    proof = micronet_edge.verify(written(*BYTES[0]), small, samples=tmp_path / "between.npy")
    assert proof.relative_difference <= CLOSE["float32"]


def test_layers_are_ranked_by_their_logits(written, small, calibration):
    found = micronet_edge.sensitivity(written(*BYTES[1]), small, calibration, SensitivitySettings())
    layers = {row.layer for row in found.analysis.by_sensitivity}
    assert "head" in layers
    assert "scores" not in layers


def test_a_recipe_serves_logits_and_probabilities(written, small, images, calibration, tmp_path):
    for mine, other in (("logits", "softmax"), ("softmax", "logits")):
        path = written("int8", "float32", "normalized", mine)
        recipe = path.with_suffix(".recipe.json")
        settings = settings_of(
            "int8", "float32", "normalized", other, tmp_path, calibration=calibration, recipe=recipe
        )
        (made,) = micronet_edge.quantize(small, metadata=METADATA, settings=settings).files
        same = written("int8", "float32", "normalized", other)
        ours, theirs = (target_of(each).open(each).run(images) for each in (made.path, same))
        np.testing.assert_array_equal(ours, theirs)


# --- What is refused before any work

GIVEN = ("float32", "float32", "normalized", "logits")


@pytest.mark.parametrize(
    ("ends", "more", "said"),
    [
        (("float32", "int8", "normalized", "logits"), {}, "--io int8 is for --precision int8, not float32"),
        (("int8-a16", "int8", "normalized", "logits"), {}, "--io int8 is for --precision int8, not int8-a16"),
        (("float32", "int16", "normalized", "logits"), {}, "--io int16: give float32, uint8 or int8"),
        (
            ("float32", "uint8", "raw", "logits"),
            {},
            "--io uint8 takes pixels as they are: leave --pixels out",
        ),
        (("int8", "int8", "unit", "logits"), {}, "--io int8 takes pixels as they are: leave --pixels out"),
        (GIVEN, {"layout": "nchw"}, "takes NHWC: leave --layout nchw out"),
        (("float32", "uint8", "normalized", "logits"), {"naive": True}, "leave --io, --pixels, --scores"),
    ],
)
def test_what_no_file_has_is_refused_at_once(small, tmp_path, refusal, ends, more, said):
    told, settings = [], settings_of(*ends, tmp_path / "out", calibration=tmp_path / "none", **more)
    if ends[0] not in INTEGERS:
        fields = ExportSettings.__dataclass_fields__
        settings = ExportSettings(**{name: getattr(settings, name) for name in fields})
    run = micronet_edge.quantize if ends[0] in INTEGERS else micronet_edge.export
    message = refusal(TargetError, run, small, metadata=METADATA, settings=settings, report=told.append)
    assert said in message
    assert len(told) == 1  # reading the network
    assert not (tmp_path / "out").exists()


class Pair(nn.Module):
    def forward(self, x):
        return x * 2


@pytest.mark.parametrize(
    ("option", "kind", "said"),
    [
        ({"io": "uint8"}, TargetError, "--io uint8 is for networks that take images"),
        ({"pixels": "unit"}, TargetError, "--pixels unit is for networks that take images"),
        ({"scores": "softmax"}, SettingsError, "is no image classifier"),
    ],
)
def test_only_images_are_pixels_and_only_classifiers_have_probabilities(
    tmp_path, refusal, option, kind, said
):
    signature = Signature((TensorSpec("x", (4,)),), (TensorSpec("output0", (4,)),))
    metadata = replace(METADATA, labels=(), signature=signature)
    settings = ExportSettings(output=tmp_path / "out", formats=("tflite",), **option)
    assert said in refusal(kind, micronet_edge.export, Pair(), metadata=metadata, settings=settings)
    assert not (tmp_path / "out").exists()


# --- Files of earlier versions


@pytest.mark.parametrize(("old", "io", "pixels"), [(True, "int8", "raw"), (False, "float32", "normalized")])
def test_files_of_earlier_versions_are_read(old, io, pixels):
    texts = METADATA.to_texts()
    description = json.loads(texts["micronet_edge"])
    for name in ("io", "scores"):
        del description[name]
    texts["micronet_edge"] = json.dumps(description | {"pixels": old})
    found = FileMetadata.from_texts(texts, "a file")
    assert (found.io, found.pixels, found.scores) == (io, pixels, "logits")
