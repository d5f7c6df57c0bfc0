"""The int8 files that ONNX Runtime's and onnx2tf's own quantization make of the network as trained."""

import logging
import tempfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from ai_edge_litert.interpreter import Interpreter
from cli.command import DIGITS, names, shared

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.errors import TargetError
from micronet_edge.models import load_checkpoint
from micronet_edge.targets.protocol import ExportSpec
from micronet_edge.targets.registry import find_target
from micronet_edge_onnx.converter.converter_baseline import converter_baseline as quantize_onnx
from micronet_edge_tflite.converter.convert import corrections

FLOAT_FILE = "float32.onnx"
INT8_FILES = ("int8.onnx", "int8.tflite")
CALIBRATION_IMAGES = 20
TEST_IMAGES = 397
ENOUGH = 385  # the network itself reads 396


def example_images():
    spec = spec_from_file_location("digit_images", DIGITS.with_name("images.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The checkpoint, images to calibrate with, and images to test with their true labels."""
    images, loaded = example_images(), load_checkpoint(DIGITS)
    folder = images.write_images(tmp_path_factory.mktemp("data"))
    training, test = (images.image_paths(part, folder) for part in ("train", "test"))
    return SimpleNamespace(
        loaded=loaded,
        calibration=loaded.preprocessing.batch(training[:: len(training) // CALIBRATION_IMAGES]),
        test=loaded.preprocessing.batch(test),
        truth=np.array([images.image_label(path) for path in test]),
    )


@pytest.fixture(scope="module")
def files(digits, tmp_path_factory):
    """A folder with the float file, both int8 files, and the temporary folder that they were made in."""

    def make(folder):
        write_float_file(digits.loaded, folder / FLOAT_FILE)
        (folder / "temporary").mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TMPDIR", str(folder / "temporary"))
            patch.setattr(tempfile, "tempdir", None)
            quantize_onnx(folder / FLOAT_FILE, digits.calibration, folder / INT8_FILES[0])
            write_int8_tflite(digits, folder / INT8_FILES[1])

    return shared(tmp_path_factory, "naive-int8", make)


def write_float_file(loaded, path):
    metadata = FileMetadata(loaded.variant, loaded.labels, loaded.preprocessing, loaded.sha256, naive=True)
    spec = ExportSpec(loaded.preprocessing.size, 1, naive=True, portable=False, metadata=metadata)
    find_target("onnx").export(loaded.network, spec, path)


def write_int8_tflite(digits, path):
    loaded = digits.loaded
    metadata = FileMetadata(
        loaded.variant, loaded.labels, loaded.preprocessing, loaded.sha256, "int8", naive=True
    )
    spec = ExportSpec(loaded.preprocessing.size, 1, naive=True, portable=False, metadata=metadata)
    find_target("tflite").converter_baseline(loaded.network, digits.calibration, spec, path)


@pytest.mark.slow
@pytest.mark.parametrize("name", INT8_FILES)
def test_it_reads_most_digits(files, digits, name):
    target = find_target(Path(name).suffix.removeprefix("."))
    answers = target.open(files / name).run(digits.test).argmax(1)
    assert len(answers) == TEST_IMAGES
    assert (answers == digits.truth).sum() >= ENOUGH


@pytest.mark.slow
def test_every_layer_of_the_onnx_file_takes_int8(files):
    graph = onnx.load(files / "int8.onnx").graph
    makers = {output: node for node in graph.node for output in node.output}
    kinds = {constant.name: constant.data_type for constant in graph.initializer}
    layers = [node for node in graph.node if node.op_type in {"Conv", "Gemm"}]
    assert len(layers) == 24 + 32  # as many as in the float file
    for layer in layers:
        sources = [makers[name] for name in layer.input]
        assert {source.op_type for source in sources} == {"DequantizeLinear"}
        _, weight, bias = (kinds.get(source.input[0]) for source in sources)
        assert (weight, bias) == (onnx.TensorProto.INT8, onnx.TensorProto.INT32)


@pytest.mark.slow
def test_only_the_ends_of_the_tflite_file_are_float(files):
    opened = Interpreter(str(files / "int8.tflite"), num_threads=1)
    opened.allocate_tensors()
    floats = [each["index"] for each in opened.get_tensor_details() if each["dtype"] is np.float32]
    ends = [*opened.get_input_details(), *opened.get_output_details()]
    assert sorted(floats) == sorted(end["index"] for end in ends)


@pytest.mark.slow
def test_they_leave_nothing_behind(files):
    assert names(files / "temporary") == []
    assert names(files) == sorted([FLOAT_FILE, *INT8_FILES, "temporary"])


@pytest.mark.slow
def test_onnx_runtime_says_nothing_and_changes_no_logging(files, digits, tmp_path, capfd):
    root = logging.getLogger()
    before = [*root.handlers], root.level, logging.root.manager.disable
    quantize_onnx(files / FLOAT_FILE, digits.calibration[:1], tmp_path / "int8.onnx")
    assert ([*root.handlers], root.level, logging.root.manager.disable) == before
    assert capfd.readouterr() == ("", "")


def test_a_file_that_is_no_model_is_refused(digits, tmp_path, refusal):
    (tmp_path / "model.onnx").write_bytes(b"no model")
    error_line = refusal(
        TargetError, quantize_onnx, tmp_path / "model.onnx", digits.calibration, tmp_path / "int8.onnx"
    )
    assert str(tmp_path / "model.onnx") in error_line
    assert names(tmp_path) == ["model.onnx"]


@pytest.mark.slow
def test_onnx2tf_is_told_where_every_shuffle_ends(files):
    model = onnx.load(files / FLOAT_FILE)
    shuffles = [node.name for node in model.graph.node if node.name.endswith("/Reshape_1")]
    found = [each["op_name"] for each in corrections(model)]
    assert found == [name for name in shuffles if "shuffle" in name]
    assert "features/block2/project_shuffle/project_shuffle.1/Reshape_1" in found
