"""The trained example in apps of both kinds: the classes and probabilities of the product's own session."""

import shutil
import sys
from itertools import product

import numpy as np
import pytest
from cli.command import CALIBRATED_ON, DIGITS, shared, shared_digits
from cli.command import run as run_tool
from deployment.deployed_apps import (
    COMPILER,
    FORMATS,
    answers,
    built,
    needs,
    run,
    session_probabilities,
)
from example_images import digits
from PIL import Image

from micronet_edge.deployment.deploy import deploy

SLOW = pytest.mark.slow
WAYS = {
    "float32": ("m0-digits-float32", ()),
    "uint8": ("m0-digits-float32-io-uint8", ("--io", "uint8")),
    "int8": ("m0-digits-int8-io-uint8", ("--precision", "int8", "--calibration", "photos", "--io", "uint8")),
}
FILES = [
    pytest.param(*chosen, marks=() if chosen[0] == "float32" else SLOW)
    for chosen in product(sorted(WAYS), FORMATS)
]


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Test digits as PGM, which a program reads without stb_image.h."""
    folder = tmp_path_factory.mktemp("digits")
    paths = digits.image_paths("test", digits.write_images(folder / "png"))[::20]
    for path in paths:
        Image.open(path).save(folder / f"{path.stem}.pgm")
    return [folder / f"{path.stem}.pgm" for path in paths]


@pytest.fixture
def file(way, format_, tmp_path_factory):
    name, options = WAYS[way]
    if not options:
        return shared_digits(tmp_path_factory) / "files" / f"{name}.{format_}"

    def make(folder):
        paths = digits.image_paths("train", digits.write_images(folder / "images"))
        (folder / "photos").mkdir()
        for path in paths[:: len(paths) // CALIBRATED_ON][:CALIBRATED_ON]:
            shutil.copy(path, folder / "photos")
        ran = run_tool("export", DIGITS, *options, "--output", "files", cwd=folder)
        assert ran.code == 0, ran.errors

    return shared(tmp_path_factory, f"digits-{way}", make) / "files" / f"{name}.{format_}"


def check(output, file, images):
    found, expected = answers(output, images), session_probabilities(file, images)
    assert np.array_equal(found.argmax(1), expected.argmax(1))
    assert np.abs(found - expected).max() <= 1e-5


@pytest.mark.parametrize(("way", "format_"), FILES)
def test_python_answers_as_the_product(file, images, tmp_path):
    deploy(file, "python", tmp_path / "app")
    done = run(sys.executable, tmp_path / "app" / "classify.py", *images, "--top", "10")
    assert done.stderr == b""  # the runtime's notices are nobody's business
    check(done.stdout, file, images)


@pytest.mark.parametrize(("way", "format_"), FILES)
def test_cpp_answers_as_the_product(file, images, tmp_path):
    needs("cmake", COMPILER)
    deploy(file, "cpp", tmp_path / "app")
    check(run(built(tmp_path / "app"), *images, "--top", "10").stdout, file, images)
