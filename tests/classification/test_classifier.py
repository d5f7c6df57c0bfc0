"""A classifier gives what the session gives on the product's own preprocessing, of any kind of image."""

import json
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from cli.command import DIGITS
from PIL import Image

from micronet_edge import Classification, Classifier, ExportSettings, Preprocessing, export, read_metadata
from micronet_edge.data.preprocessing import open_image
from micronet_edge.errors import SettingsError, TargetError
from micronet_edge.targets.readers import find_reader

FORMATS = ("onnx", "tflite")
SEVERAL = 40  # more than a portion


def named(digits, name):
    return digits / f"m0-digits-float32.{name}"


@pytest.fixture(scope="module", params=FORMATS)
def file(request, digits):
    return named(digits, request.param)


@pytest.fixture(scope="module")
def classifier(file):
    return Classifier(file)


def softmax(logits):
    powers = np.exp(np.float64(logits) - np.float64(logits).max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def scores_of(classifier, images):
    """All scores in the order of the classes."""
    found = classifier.classify_many(images, top=len(classifier.labels))
    return np.array([[each.score for each in sorted(row, key=lambda each: each.index)] for row in found])


def test_scores_are_the_softmax_of_what_the_session_gives_on_the_same_array(file, classifier, digit_images):
    paths = digit_images[::10][:SEVERAL]
    session = find_reader(file.suffix[1:]).open(file)
    batch = read_metadata(file).preprocessing.batch(paths)
    expected = np.concatenate([softmax(session.run(part)) for part in (batch[:32], batch[32:])])
    assert np.array_equal(scores_of(classifier, paths), expected)


def test_the_best_come_first_and_nearly_all_are_right(classifier, digit_images):
    for path in digit_images[::40]:
        found = classifier.classify(path)
        assert len(found) == 5
        assert all(isinstance(each, Classification) for each in found)
        assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
        assert found[0].label == path.parent.name == classifier.labels[found[0].index]
    assert len(classifier.classify(digit_images[0], top=100)) == 10
    assert sum(each.score for each in classifier.classify(digit_images[0], top=10)) == pytest.approx(1)


def test_a_path_an_image_and_an_array_are_the_same(classifier, digit_images):
    path = digit_images[0]
    image = open_image(path)
    grey = np.asarray(image.convert("L"))
    colors = np.stack([grey] * 3, axis=2)
    clear = np.dstack([colors, np.zeros_like(grey)])
    flipped = np.ascontiguousarray(colors[:, ::-1])[:, ::-1]  # not contiguous
    expected = classifier.classify(path)
    for same in (str(path), image, grey, grey[..., None], colors, clear, flipped):
        assert classifier.classify(same) == expected
    assert classifier.classify_many([path, image, grey]) == [expected] * 3
    assert classifier.classify_many(iter([])) == []


def test_an_image_of_another_size_and_kind_is_preprocessed_as_evaluate_does(classifier, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (70, 91, 4), np.uint8)
    image = Image.fromarray(pixels)
    image.save(tmp_path / "image.png")
    batch = classifier.metadata.preprocessing.batch([tmp_path / "image.png"])
    expected = softmax(classifier._file.session.run(batch))
    for given in (tmp_path / "image.png", image, pixels):
        assert np.array_equal(scores_of(classifier, [given]), expected)


def test_threads_may_share_one(classifier, digit_images):
    paths = digit_images[::20]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(classifier.classify, paths)) == classifier.classify_many(paths)


WRONG = {
    "a number": (3, "int is no image: give a path, a Pillow image or an array of uint8 pixels"),
    "floats": (
        np.zeros((8, 8, 3), np.float32),
        "an array of float32 [8, 8, 3] is no image",
    ),
    "channels first": (np.zeros((3, 8, 8), np.uint8), "has its channels first"),
    "two channels": (np.zeros((8, 8, 2), np.uint8), "uint8 [8, 8, 2] is no image"),
    "a batch": (np.zeros((2, 8, 8, 3), np.uint8), "holds several images: give them to classify_many"),
    "a row": (np.zeros(8, np.uint8), "uint8 [8] is no image"),
    "nothing": (np.zeros((0, 8, 3), np.uint8), "uint8 [0, 8, 3] is no image"),
    "no file": ("none.png", "none.png cannot be read as an image: it does not exist"),
    "floats in Pillow": (Image.new("F", (8, 8)), "its pixels are floats"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_no_image_is_refused_in_a_line(classifier, refusal, kind):
    given, line = WRONG[kind]
    assert line in refusal(SettingsError, classifier.classify, given)
    several = [np.zeros((8, 8, 3), np.uint8), given]
    assert refusal(SettingsError, classifier.classify_many, several).startswith("image 1: ")


def test_a_damaged_image_that_pillow_opens_late_is_refused(classifier, tmp_path, refusal):
    path = tmp_path / "half.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (99, 99, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:9000])
    with Image.open(path) as image:
        assert "the image cannot be read" in refusal(SettingsError, classifier.classify, image)


@pytest.mark.parametrize("top", [0, -1, 2.0, True, None])
def test_a_top_of_no_number_is_refused(classifier, refusal, top):
    assert "give a whole number, 1 or more" in refusal(
        SettingsError, classifier.classify, "none.png", top=top
    )


def test_one_path_is_no_list_of_images(classifier, refusal):
    assert "give classify_many a list" in refusal(SettingsError, classifier.classify_many, "none.png")


# --- Files


def test_labels_may_have_other_names(file, digit_images, refusal):
    names = [f"class {number}" for number in range(10)]
    assert Classifier(file, labels=names).classify(digit_images[0])[0].label == "class 0"
    assert "10 classes, not 2" in refusal(SettingsError, Classifier, file, labels=["a", "b"])
    assert "give a sequence of names" in refusal(SettingsError, Classifier, file, labels="0123456789")


def test_a_file_of_ours_keeps_its_preprocessing(file, refusal):
    for given in ({"preprocessing": Preprocessing.imagenet(32)}, {"scores": "softmax"}):
        assert "states its own preprocessing" in refusal(SettingsError, Classifier, file, **given)


def foreign(file, folder):
    """The file as another tool would have written it."""
    path = folder / f"foreign{file.suffix}"
    if file.suffix == ".onnx":
        model = onnx.load(file)
        del model.metadata_props[:]
        onnx.save(model, path)
    else:
        with zipfile.ZipFile(file) as archive:
            end = min(part.header_offset for part in archive.infolist())
        path.write_bytes(file.read_bytes()[:end])
    return path


def test_a_file_of_another_tool_is_described_by_hand(file, classifier, digit_images, tmp_path, refusal):
    path, metadata = foreign(file, tmp_path), classifier.metadata
    line = refusal(TargetError, Classifier, path)
    assert line.startswith(f"{path} does not state its labels and preprocessing, since another tool wrote")
    assert "labels=[...] and preprocessing=Preprocessing(...)" in line
    assert "its preprocessing," in refusal(TargetError, Classifier, path, labels=metadata.labels)
    described = {"labels": metadata.labels, "preprocessing": metadata.preprocessing}
    paths = digit_images[::50]
    assert Classifier(path, **described).classify_many(paths) == classifier.classify_many(paths)
    few = Classifier(path, **described | {"labels": ["a", "b"]})
    assert "gives [10] values for an image and has 2 labels" in refusal(TargetError, few.classify, paths[0])


def test_scores_of_another_tool_may_be_probabilities(file, classifier, digit_images, tmp_path):
    metadata = classifier.metadata
    path = foreign(file, tmp_path)
    given = Classifier(
        path, labels=metadata.labels, preprocessing=metadata.preprocessing, scores="softmax"
    ).classify(digit_images[0], top=10)
    (logits,) = classifier._file.session.run(metadata.preprocessing.batch(digit_images[:1]))
    assert sorted(each.score for each in given) == sorted(map(float, logits))


def test_what_is_no_classifier_is_refused(digits, tmp_path, refusal):
    model = onnx.load(named(digits, "onnx"))
    (description,) = (each for each in model.metadata_props if each.key == "micronet_edge")
    signature = {
        "inputs": [{"name": "image", "shape": [3, 32, 32]}],
        "outputs": [{"name": "a", "shape": [4]}, {"name": "b", "shape": [6]}],
    }
    description.value = json.dumps(json.loads(description.value) | {"signature": signature})
    onnx.save(model, tmp_path / "two.onnx")
    assert "is no image classifier" in refusal(SettingsError, Classifier, tmp_path / "two.onnx")


def test_missing_damaged_and_other_files_are_refused_in_a_line(file, tmp_path, refusal):
    missing = tmp_path / f"none{file.suffix}"
    assert "does not exist" in refusal(TargetError, Classifier, missing)
    half = tmp_path / f"half{file.suffix}"
    half.write_bytes(file.read_bytes()[:1000])
    assert str(half) in refusal(TargetError, Classifier, half)
    changed = tmp_path / file.name
    for each in (file, file.with_name(f"{file.name}.manifest.json")):
        shutil.copy(each, tmp_path)
    changed.write_bytes(file.read_bytes() + b"\0")
    assert "is not the file that was written" in refusal(TargetError, Classifier, changed)
    text = tmp_path / "file.txt"
    text.write_text("a text")
    assert "give a file ending in .c, .onnx, .tflite" in refusal(TargetError, Classifier, text)
    assert "threads 0" in refusal(SettingsError, Classifier, file, threads=0)


@pytest.fixture(scope="module")
def other_ends(tmp_path_factory):
    """Files that take pixels as bytes and give probabilities."""
    folder = tmp_path_factory.mktemp("ends")
    settings = ExportSettings(output=folder, io="uint8", scores="softmax")
    return {made.format: made.path for made in export(DIGITS, settings=settings)}


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_of_bytes_and_probabilities_gives_the_same(digits, other_ends, digit_images, name):
    paths = digit_images[::20]
    found, expected = (scores_of(Classifier(path), paths) for path in (other_ends[name], named(digits, name)))
    assert np.abs(found - expected).max() < 1e-4
