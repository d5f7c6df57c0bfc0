"""MediaPipe reads the standard metadata as we mean it, and classifies as LiteRT does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from example_images import digits
from metadata_reader import read, standard_metadata_in

from micronet_edge import ExportSettings, QuantizeSettings, export, quantize, read_metadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import open_image
from micronet_edge.targets.registry import find_target

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
CLIENTS = ROOT / "benchmarks" / "clients" / "children"
DIGITS = ROOT / "examples" / "digits" / "m0-digits.safetensors"
RELEASE = "mediapipe==1.2.3"
ONE_LEVEL = 1 / 127
"""Of bytes, relative to the largest score: MediaPipe holds another release of the kernels."""

CLASSIFY = """
import json, sys
import numpy as np
from mediapipe_tasks import classifier
try:
    classify = classifier(sys.argv[1])
    found = [classify(pixels) for pixels in np.load(sys.argv[2])]
    print(json.dumps([[(each.index, each.category_name, each.score) for each in row] for row in found]))
except (RuntimeError, ValueError) as error:
    print(json.dumps({"error": str(error)}))
"""

DUMP = """
import json, sys
from importlib import util
import numpy as np
from pathlib import Path
found = util.find_spec("mediapipe").submodule_search_locations[0]
place = Path(found, "tasks", "metadata", "metadata_schema_py_generated.py")
spec = util.spec_from_file_location("schema", place)
schema = util.module_from_spec(spec)
spec.loader.exec_module(schema)
content = Path(sys.argv[1]).read_bytes()
assert schema.ModelMetadata.ModelMetadataBufferHasIdentifier(content, 0)

def plain(value):
    if hasattr(value, "__dict__"):
        return {name: plain(each) for name, each in vars(value).items() if each is not None}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.decode() if isinstance(value, bytes) else value

print(json.dumps(plain(schema.ModelMetadataT.InitFromObj(schema.ModelMetadata.GetRootAs(content)))))
"""


@pytest.fixture(scope="module")
def mediapipe(tmp_path_factory):
    """Python with MediaPipe: that of the environment variable, or a new one."""
    if given := os.environ.get("MICRONET_EDGE_MEDIAPIPE"):
        return Path(given)
    folder = tmp_path_factory.mktemp("mediapipe")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", RELEASE], check=True)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    digits.write_images(folder)
    paths = digits.image_paths("test", folder)
    return [*paths[:: len(paths) // 40], *photographs()], digits.image_paths("train", folder)[0].parents[1]


def theirs(python, path, pixels, folder):
    """MediaPipe's scores [n, classes], or its reason to refuse the file."""
    np.save(folder / "images.npy", pixels)
    command = [python, "-c", CLASSIFY, path, folder / "images.npy"]
    ran = subprocess.run(command, cwd=CLIENTS, capture_output=True, text=True, check=False, env={})
    found = json.loads(ran.stdout)
    if isinstance(found, dict):
        return found["error"]
    labels = read_metadata(path).labels
    scores = np.zeros((len(pixels), len(labels)))
    for row, categories in zip(scores, found, strict=True):
        for index, label, score in categories:
            assert label == labels[index]
            row[index] = score
    return scores


def compared(python, path, paths, folder):
    """MediaPipe's scores and LiteRT's."""
    preprocessing = read_metadata(path).preprocessing
    cropped = [np.asarray(preprocessing.cropped(open_image(each))) for each in paths]
    found = theirs(python, path, np.stack(cropped), folder)
    return found, find_target("tflite").open(path, kernels="off").run(preprocessing.batch(paths))


FLOATS = [
    {"pixels": "unit", "scores": "softmax"},
    {"pixels": "raw"},
    {"mean": (0.45,) * 3, "std": (0.225,) * 3},
    {"io": "uint8", "scores": "softmax"},
]


@pytest.mark.parametrize("settings", FLOATS)
@pytest.mark.parametrize("source", ["m1", DIGITS])
def test_float_files_give_the_same_scores(mediapipe, images, tmp_path, source, settings):
    if source == "m1":
        settings = {**settings, "num_classes": 10, "input_size": 64}
    (file,) = export(source, settings=ExportSettings(formats=("tflite",), output=tmp_path, **settings))
    found, expected = compared(mediapipe, file.path, images[0], tmp_path)
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max(), found
    assert (found.argmax(1) == expected.argmax(1)).all()


@pytest.mark.parametrize("scores", ["softmax", "logits"])
def test_integer_files_give_the_same_classes(mediapipe, images, tmp_path, scores):
    settings = QuantizeSettings(
        formats=("tflite",), output=tmp_path, io="uint8", scores=scores, calibration=images[1]
    )
    (file,) = quantize(DIGITS, settings=settings).files
    found, expected = compared(mediapipe, file.path, images[0], tmp_path)
    assert (found.argmax(1) == expected.argmax(1)).all()
    assert np.abs(found - expected).max() <= ONE_LEVEL * np.abs(expected).max()


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "Per-channel image normalization is not available"),
        ({"color_order": "BGR", "pixels": "unit"}, "Only RGB color space is supported"),
    ],
)
def test_what_it_cannot_feed_it_refuses(mediapipe, images, tmp_path, settings, reason):
    (file,) = export(DIGITS, settings=ExportSettings(formats=("tflite",), output=tmp_path, **settings))
    assert reason in compared(mediapipe, file.path, images[0][:1], tmp_path)[0]
    assert "MediaPipe Tasks' image classifier refuses the file" in file.card.read_text()


def test_its_schema_reads_what_ours_reads(mediapipe, tmp_path):
    """All fields, by the code that MediaPipe's authors generate from the schema."""
    settings = ExportSettings(formats=("tflite",), output=tmp_path, num_classes=3, input_size=64)
    (file,) = export("m0", settings=settings)
    content = standard_metadata_in(file.path)
    (tmp_path / "metadata").write_bytes(content)
    ran = subprocess.run(
        [mediapipe, "-c", DUMP, tmp_path / "metadata"], capture_output=True, text=True, check=True, env={}
    )
    dumped = json.loads(ran.stdout)
    assert camel(read(content)) == without_empty(dumped)


def camel(value):
    """Fields as the generated code calls them."""
    if isinstance(value, dict):
        return {named(name): camel(each) for name, each in value.items() if each != {}}
    return [camel(each) for each in value] if isinstance(value, list) else value


def named(name):
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))


def without_empty(value):
    """Without fields of the value 0, which the generated code gives where there are none."""
    if isinstance(value, dict):
        return {name: without_empty(each) for name, each in value.items() if each not in (0, {})}
    return [without_empty(each) for each in value] if isinstance(value, list) else value
