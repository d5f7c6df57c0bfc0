"""What TFLite files say in the metadata that other readers know."""

from dataclasses import replace

import pytest
from metadata_reader import read, standard_metadata_in

from micronet_edge import ExportSettings, export
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.signature import Signature, TensorSpec
from micronet_edge_tflite.other_readers import notes, readers
from micronet_edge_tflite.standard_metadata import standard_metadata

METADATA = FileMetadata("pets", ("cat", "dog"), Preprocessing(size=96, resize=110, width=128), "ab" * 32)
ONE_MEAN = Preprocessing(size=96, resize=96, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
UNITS = 1 / 255
"""The scale of pixels that stand for 0 to 1."""


def ends(metadata, stored=None):
    """The only input and the only output."""
    (graph,) = read(standard_metadata(metadata, stored))["subgraph_metadata"]
    (image,), (scores,) = graph["input_tensor_metadata"], graph["output_tensor_metadata"]
    return image, scores


def normalization(image):
    (unit,) = image["process_units"]
    assert unit["options_type"] == 1
    return unit["options"]["mean"], unit["options"]["std"]


def test_the_model():
    found = read(standard_metadata(METADATA))
    assert found["name"] == "pets"
    assert "image classifier of 2 classes" in found["description"]
    assert found["version"] == "weights abababababab"
    assert found["min_parser_version"] == "1.0.0"
    assert [(each["name"], each["type"]) for each in found["associated_files"]] == [("micronet_edge.json", 1)]
    assert "license" not in found  # nobody knows it


def test_the_image():
    image, _ = ends(METADATA)
    assert image["name"] == "image"
    assert image["content"]["content_properties_type"] == 2
    assert image["content"]["content_properties"] == {
        "color_space": 1,
        "default_size": {"width": 128, "height": 96},
    }
    assert "then crop 128 x 96 px from the centre" in image["description"]


def test_the_scores():
    _, scores = ends(METADATA)
    assert scores["name"] == "logits"
    assert [(each["name"], each["type"]) for each in scores["associated_files"]] == [("labels.txt", 2)]
    assert "process_units" not in scores  # no calibration
    assert "stats" not in scores
    _, probabilities = ends(replace(METADATA, scores="softmax"))
    assert probabilities["name"] == "scores"
    assert probabilities["stats"] == {"min": [0], "max": [1]}


@pytest.mark.parametrize(
    ("metadata", "mean", "std"),
    [
        (METADATA, [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
        (replace(METADATA, preprocessing=ONE_MEAN), [127.5], [63.75]),
        (replace(METADATA, pixels="unit"), [0], [255]),
        (replace(METADATA, pixels="raw"), [0], [1]),
    ],
)
def test_pixels_of_float32(metadata, mean, std):
    image, _ = ends(metadata)
    assert normalization(image) == (pytest.approx(mean), pytest.approx(std))
    assert image["stats"]["min"] == pytest.approx([-m / s for m, s in zip(mean, std, strict=True)])
    assert image["stats"]["max"] == pytest.approx([(255 - m) / s for m, s in zip(mean, std, strict=True)])


@pytest.mark.parametrize(
    ("io", "stored", "mean", "std", "limits"),
    [
        ("uint8", None, 0, 1, (0, 255)),
        ("int8", None, 128, 1, (-128, 127)),
        ("int8", (UNITS, -128), 0, 255, (-128, 127)),
        ("uint8", (UNITS, 0), 0, 255, (0, 255)),
    ],
)
def test_integers_stand_for_the_normalized_pixel(io, stored, mean, std, limits):
    """As the standard has it: normalized first, then quantized by the tensor's own parameters."""
    image, _ = ends(replace(METADATA, io=io, pixels="raw"), stored)
    assert normalization(image) == ([pytest.approx(mean)], [pytest.approx(std)])
    assert (*image["stats"]["min"], *image["stats"]["max"]) == limits
    scale, zero_point = stored or (1, 0)
    for pixel in (0, 1, 128, 255):
        assert round((pixel - mean) / std / scale) + zero_point == pixel - (128 if io == "int8" else 0)


def test_colours_that_the_standard_lacks_are_unknown():
    """So that no reader gives such a file red first."""
    bgr = replace(METADATA, preprocessing=Preprocessing(color_order="BGR"))
    image, _ = ends(bgr)
    assert image["content"]["content_properties"]["default_size"] == {"width": 224, "height": 224}
    assert "color_space" not in image["content"]["content_properties"]
    assert image["description"].startswith("BGR (blue first) image of 224 x 224 pixels")
    assert "blue first" in notes(bgr)[0]
    assert "blue first" in readers(bgr)[0]


def test_grey_images():
    gray = replace(METADATA, preprocessing=Preprocessing(color_order="GRAY", mean=(0.4,), std=(0.2,)))
    image, _ = ends(gray)
    assert image["content"]["content_properties"]["color_space"] == 2
    assert normalization(image) == ([pytest.approx(102)], [pytest.approx(51)])
    assert "grey images" in notes(gray)[0]


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (METADATA, "one mean and deviation"),
        (replace(METADATA, io="int8", pixels="raw"), "uint8 or float32"),
        (replace(METADATA, pixels="unit"), "`--scores softmax` gives probabilities"),
        (replace(METADATA, io="uint8", pixels="raw", scores="softmax"), "opens the file"),
    ],
)
def test_what_the_card_says_of_mediapipe(metadata, said):
    assert said in readers(metadata)[0]
    assert notes(metadata) == ()


def test_other_inputs_and_outputs():
    signature = Signature((TensorSpec("a", (3,)), TensorSpec("b", (4, 5))), (TensorSpec("sum", (3,)),))
    metadata = replace(METADATA, labels=(), signature=signature)
    (graph,) = read(standard_metadata(metadata))["subgraph_metadata"]
    assert [each["name"] for each in graph["input_tensor_metadata"]] == ["a", "b"]
    (found,) = graph["output_tensor_metadata"]
    assert (found["name"], found["content"]["content_properties_type"]) == ("sum", 1)
    assert "associated_files" not in found
    assert readers(metadata) == notes(metadata) == ()


@pytest.mark.parametrize("label", ["ä😀", "a\x00b", '"', "x" * 3000])
def test_any_name(label):
    assert read(standard_metadata(replace(METADATA, variant=label)))["name"] == label


def test_it_is_small_and_always_the_same():
    assert standard_metadata(METADATA) == standard_metadata(METADATA)
    assert len(standard_metadata(METADATA)) < 1100
    labels = tuple(map(str, range(1000)))
    assert len(standard_metadata(replace(METADATA, labels=labels))) < 1100


CONVERTED = pytest.param({"naive": True}, marks=pytest.mark.slow)


@pytest.mark.parametrize("settings", [{}, CONVERTED], ids=["own", "converted"])
def test_files_carry_it(tmp_path, settings):
    for folder in ("one", "two"):
        given = ExportSettings(formats=("tflite",), input_size=64, num_classes=3, output=tmp_path / folder)
        (file,) = export("m0", settings=replace(given, **settings))
    found = read(standard_metadata_in(file.path))
    assert found["name"] == "m0"
    assert found["version"] == "random weights, for timing only"
    if not settings:  # the converter's own work differs in the last bits
        assert file.path.read_bytes() == (tmp_path / "one" / file.path.name).read_bytes()
