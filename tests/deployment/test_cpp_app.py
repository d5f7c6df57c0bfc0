"""The app in C++ is built as its README says, and answers as the product's session does."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli.command import shared_digits
from deployment.deployed_apps import (
    COMPILER,
    HOSTILE,
    SANITIZED,
    answers,
    built,
    needs,
    run,
    written,
)
from example_images import digits
from PIL import Image

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.deployment.cpp_app import TEMPLATE, literal
from micronet_edge.deployment.deploy import deploy

STB = [path for path in (os.environ.get("STB_INCLUDE_DIR"), "/usr/include/stb", "/usr/include") if path]


@pytest.fixture(scope="module", autouse=True)
def tools():
    needs("cmake", COMPILER)


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    return shared_digits(tmp_path_factory) / "files"


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Test digits as PGM, which a program reads without stb_image.h."""
    folder = tmp_path_factory.mktemp("digits")
    paths = digits.image_paths("test", digits.write_images(folder / "png"))[::20]
    for path in paths:
        Image.open(path).save(folder / f"{path.stem}.pgm")
    return [folder / f"{path.stem}.pgm" for path in paths]


@pytest.mark.slow
def test_a_sanitizer_finds_nothing_and_what_is_wrong_is_said(files, images, tmp_path):
    deploy(files / "m0-digits-float32.onnx", "cpp", tmp_path / "app")
    program = built(tmp_path / "app", flags=SANITIZED)
    (tmp_path / "text.png").write_text("no image")
    done = run(program, tmp_path / "text.png", images[0], "--top", "1", code=1)
    said = done.stderr.decode()
    assert f"error: {tmp_path / 'text.png'} cannot be read: " in said
    assert "it is no PGM or PPM" in said or "unknown image type" in said  # the latter by stb_image
    assert len(done.stdout.splitlines()) == 2
    assert run(program, code=2).stderr.startswith(b"usage: ")
    assert run(program, images[0], "--top", code=2).stderr.startswith(b"usage: ")

    def refused(path):
        return run(program, images[0], "--model", path, code=1).stderr.decode()

    (tmp_path / "broken.onnx").write_text("no model")
    assert "broken.onnx: " in refused(tmp_path / "broken.onnx")
    assert "there is no such file" in refused(tmp_path / "missing.onnx")


@pytest.mark.parametrize("format_", ["onnx", pytest.param("tflite", marks=pytest.mark.slow)])
def test_another_model_than_the_program_is_for_is_refused(files, images, tmp_path, format_):
    from micronet_edge.targets.registry import find_target

    file = files / f"m0-digits-float32.{format_}"
    metadata = find_target(format_).read_metadata(file)
    wrong = {
        "input": replace(metadata, preprocessing=replace(metadata.preprocessing, size=95, resize=95)),
        "labels": replace(metadata, labels=("only", "two")),
    }
    for reason, described in wrong.items():
        folder = written(TEMPLATE, described, tmp_path / reason, format_)
        shutil.copy(file, folder / f"model.{format_}")
        done = run(built(folder), images[0], code=1)
        assert reason in done.stderr.decode()


def test_labels_come_out_as_they_are(tmp_path):
    metadata = FileMetadata("m0", HOSTILE, Preprocessing(32, 32), None)
    folder = written(TEMPLATE, metadata, tmp_path)
    lines = "for (std::string_view label : kLabels) std::fwrite(label.data(), 1, label.size() + 1, stdout);"
    (folder / "labels.cpp").write_text(f'#include <cstdio>\n#include "facts.h"\nint main() {{ {lines} }}\n')
    for standard in ("-std=c++17", "-std=c++20"):
        options = (standard, "-trigraphs", "-Wall", "-Wextra", "-Werror")
        run(COMPILER, *options, "labels.cpp", "-o", "labels", folder=folder)
        assert run(folder / "labels").stdout == b"".join(label.encode() + b"\0" for label in HOSTILE)


def test_plain_labels_stay_readable():
    assert literal("Pinus sylvestris (90 %)") == '"Pinus sylvestris (90 %)"'
    assert literal("caf\u00e9?") == '"caf\\303\\251\\077"'


def test_png_and_jpeg_are_read_with_stb_image(files, images, tmp_path):
    include = next((each for each in STB if Path(each, "stb_image.h").is_file()), None)
    if include is None:
        pytest.skip("needs stb_image.h")
    deploy(files / "m0-digits-float32.onnx", "cpp", tmp_path / "app")
    program = built(tmp_path / "app", f"-DSTB_INCLUDE_DIR={include}")
    made = {}
    for mode, suffix in (("L", "png"), ("LA", "png"), ("P", "png"), ("RGBA", "png"), ("RGB", "jpg")):
        made[mode] = tmp_path / f"{mode}.{suffix}"
        Image.open(images[0]).convert("L").convert(mode).save(made[mode], **_lossless(suffix))
    Image.fromarray(np.asarray(Image.open(images[0])).astype(np.uint16) * 257).save(tmp_path / "16.png")
    names = [images[0], *made.values(), tmp_path / "16.png"]
    found = answers(run(program, *names, "--top", "10").stdout, names)
    assert np.array_equal(found[0], found[1])
    assert np.abs(found[:-2] - found[0]).max() == 0
    assert np.abs(found[-1] - found[0]).max() == 0
    assert np.abs(found - found[0]).max() < 0.01  # JPEG is decoded otherwise


def _lossless(suffix):
    return {"quality": 100, "subsampling": 0} if suffix == "jpg" else {}
