"""Without the extra `baseline`, TFLite files are written; what needs its converter says so in one line."""

import shutil

import pytest
import torch
from cli.command import DIGITS, shared
from example_images import digits
from golden.update import golden_spec
from sources_without_install import blocking, path_with_entry_points, python

from micronet_edge import ExportSettings, export
from micronet_edge.errors import TargetError
from micronet_edge_tflite.converter import installed
from micronet_edge_tflite.target import TARGET

CONVERTER = {
    *("onnx2tf", "onnx_graphsurgeon", "onnxscript", "psutil", "sng4onnx"),
    *("keras", "tensorflow", "tf_keras"),
}
"""What `baseline` installs and no other extra does."""

WRITE = """
import sys
from micronet_edge import ExportSettings, QuantizeSettings, export, quantize
shared = {"output": sys.argv[2], "formats": ("tflite",)}
export("m0", settings=ExportSettings(**shared, input_size=32))
quantize(sys.argv[1], settings=QuantizeSettings(**shared, calibration=sys.argv[3]))
"""

INSTALLS = "which is not installed: pip install 'micronet-edge[baseline]', or "


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("main-path")
    return path_with_entry_points(folder / "site", blocking(folder / "hidden", CONVERTER))


def test_float_and_integer_files_need_no_tensorflow(path, tmp_path, tmp_path_factory):
    images = shared(tmp_path_factory, "digit-images", digits.write_images)
    some = tmp_path / "some"
    some.mkdir()
    for image in digits.image_paths("train", images)[::40]:
        shutil.copy(image, some)
    ran = python(WRITE, DIGITS, tmp_path, some, path=path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    written = {file.name for file in tmp_path.glob("*.tflite")}
    assert written == {"m0-random-float32.tflite", "m0-digits-int8.tflite"}


@pytest.fixture
def no_converter(monkeypatch):
    monkeypatch.setattr(installed, "find_spec", lambda _: None)


@pytest.mark.usefixtures("no_converter")
def test_a_naive_file_is_refused_before_any_work(tmp_path, refusal):
    settings = ExportSettings(formats=("tflite",), output=tmp_path / "out", naive=True)
    said = []
    line = refusal(TargetError, export, "m0", settings=settings, report=said.append)
    assert line.endswith(f"a naive TFLite file needs onnx2tf, {INSTALLS}give --format onnx alone")
    assert not any("writing" in step for step in said)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("no_converter")
def test_a_layer_without_an_operator_is_refused(tmp_path, refusal):
    spec = golden_spec("m0")
    line = refusal(TargetError, TARGET.export, torch.nn.Softmin(1), spec, tmp_path / "network.tflite")
    assert line.endswith(
        f"its conversion needs onnx2tf, {INSTALLS}put another layer in its place, or give --format onnx alone"
    )
