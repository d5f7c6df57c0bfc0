"""The app in Python prepares images as the product does, to the last bit, and answers as its session does."""

import subprocess
import sys

import numpy as np
import pytest
from cli.command import shared_digits
from deployment.deployed_apps import (
    HOSTILE,
    run,
    script,
    written,
)
from PIL import Image, features

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.deployment.deploy import deploy
from micronet_edge.deployment.python_app import TEMPLATE

MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I;16", "I", "RGBX")
STATED = (
    {"preprocessing": Preprocessing()},
    {"preprocessing": Preprocessing(96, 111, color_order="BGR", interpolation="bicubic", width=160)},
    {"preprocessing": Preprocessing(128, 150, (0.449,), (0.226,), "GRAY", width=64), "layout": "NHWC"},
)


def described(labels=("a", "b"), **more):
    return FileMetadata("m0", labels, more.pop("preprocessing", Preprocessing(32, 36)), None, **more)


def in_mode(image, mode):
    if mode in {"I;16", "I"}:
        wide = np.asarray(image.convert("L")).astype(np.uint16) * 257 - 3
        return Image.fromarray(wide).convert(mode) if mode == "I" else Image.fromarray(wide)
    return image.convert("RGBA").convert(mode) if mode == "PA" else image.convert(mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("number", range(len(STATED)))
def test_images_of_every_mode_are_prepared_as_the_product_does(tmp_path, mode, number):
    metadata = described(**STATED[number])
    app = script(written(TEMPLATE, metadata, tmp_path))
    image = in_mode(Image.open(photographs()[0]).resize((150, 203)), mode)
    expected = metadata.preprocessing.array(image)[None]
    found = app.prepared(image)
    assert found.dtype == np.float32
    assert np.array_equal(found if metadata.layout == "NCHW" else found.transpose(0, 3, 1, 2), expected)


@pytest.mark.parametrize(
    ("io", "pixels", "black", "white"),
    [
        ("float32", "unit", 0.0, 1.0),
        ("float32", "raw", 0.0, 255.0),
        ("uint8", "raw", 0, 255),
        ("int8", "raw", -128, 127),
    ],
)
def test_pixels_are_what_the_model_takes(tmp_path, io, pixels, black, white):
    app = script(written(TEMPLATE, described(io=io, pixels=pixels), tmp_path))
    found = [app.prepared(Image.new("L", (40, 50), level)) for level in (0, 255)]
    assert [each.dtype for each in found] == [np.dtype(io)] * 2
    assert [set(each.ravel().tolist()) for each in found] == [{black}, {white}]


def test_images_that_the_product_refuses_are_refused_in_one_line(tmp_path):
    app = written(TEMPLATE, described(), tmp_path)
    (app / "model.onnx").touch()
    frames = [Image.new("L", (8, 8), level) for level in (0, 99)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    Image.new("L", (2001, 2)).save(tmp_path / "narrow.png")
    Image.new("F", (8, 8)).save(tmp_path / "floats.tif")
    (tmp_path / "text.png").write_text("no image")
    module = script(app)
    for name, reason in (
        ("moving.gif", "several frames"),
        ("narrow.png", "too narrow"),
        ("floats.tif", "floats"),
        ("text.png", "cannot identify"),
        ("missing.png", "No such file"),
    ):
        with pytest.raises(Exception, match=reason):
            module.read_image(str(tmp_path / name))


def test_labels_come_out_as_they_are(tmp_path, capsysbinary, monkeypatch):
    app = script(written(TEMPLATE, described(HOSTILE), tmp_path))
    scores = np.arange(len(HOSTILE), 0, -1).astype(np.float32)
    app.Model = lambda _path: type("Fake", (), {"run": staticmethod(lambda _image: scores)})
    image = tmp_path / "image.png"
    Image.new("L", (40, 40)).save(image)
    monkeypatch.setattr(sys, "argv", ["classify.py", str(image), "--top", "99"])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 0
    lines = capsysbinary.readouterr().out.decode().split("\n")
    assert [line[12:].split("  ", 1)[1] for line in lines[1:-1]] == list(HOSTILE)


def test_the_script_says_which_image_it_cannot_read_and_goes_on(tmp_path, tmp_path_factory):
    file = shared_digits(tmp_path_factory) / "files" / "m0-digits-float32.onnx"
    deploy(file, "python", tmp_path / "app")
    (tmp_path / "text.png").write_text("no image")
    Image.new("LA", (40, 40)).save(tmp_path / "fine.png")
    command = (sys.executable, "app/classify.py", "text.png", "fine.png", "--top", "1")
    done = run(*command, folder=tmp_path, code=1)
    assert done.stderr.decode().startswith("error: text.png cannot be read: cannot identify image file")
    assert len(done.stdout.splitlines()) == 2


def test_a_reader_that_has_seen_enough_ends_the_script_quietly(tmp_path, tmp_path_factory):
    file = shared_digits(tmp_path_factory) / "files" / "m0-digits-float32.tflite"
    deploy(file, "python", tmp_path / "app")
    Image.new("L", (40, 40)).save(tmp_path / "fine.png")
    command = (sys.executable, "app/classify.py", "fine.png", "fine.png")
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_pillow_has_what_the_test_images_need():
    assert features.check("jpg")
    assert features.check("zlib")
