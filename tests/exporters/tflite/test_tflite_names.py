"""What callers and readers of a TFLite file find things by: tensors' names and the signature."""

from collections import Counter

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from quantized_digits import image_folder, quantized_digits

from micronet_edge import ExportSettings, export
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering import lower
from micronet_edge.models import FAMILY, MicroNet
from micronet_edge.targets.protocol import Ends, ExportSpec
from micronet_edge.targets.registry import find_target

SIGNATURE = {"serving_default": {"inputs": ["image"], "outputs": ["logits"]}}


def names(path):
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes()))
    return Counter(tensor.name.decode() for tensor in model.subgraphs[0].tensors)


def assert_readable(path, *, ours=True):
    found = names(path)
    assert found.most_common(1)[0][1] == 1
    if ours:
        # Speaking ones: nothing had to be numbered to be told apart, nothing is named after its role alone.
        assert not [name for name in found if "#" in name]
        assert not found.keys() & {"begin", "size", "axes", "sides", "shape"}
    assert Interpreter(str(path)).get_signature_list() == SIGNATURE


def spec(size, precision="float32", io="float32"):
    metadata = FileMetadata("m0", tuple("0123456789"), Preprocessing.imagenet(size), None, precision)
    return ExportSpec(
        size, 1, naive=False, portable=False, metadata=metadata, precision=precision, ends=Ends(io)
    )


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("variant", FAMILY)
def test_float_files(tmp_path, variant, precision):
    target, path = find_target("tflite"), tmp_path / "model.tflite"
    network = lower(MicroNet(variant, 10).eval(), target.pipeline(spec(64)), 64).network
    target.export(network, spec(64, precision), path)
    assert_readable(path)


@pytest.mark.parametrize(
    ("precision", "io"), [("int8", "float32"), ("int8", "int8"), ("int8-a16", "float32")]
)
def test_integer_files(tmp_path, tmp_path_factory, precision, io):
    quantized = quantized_digits(image_folder(tmp_path_factory), precision).forms["tflite"]
    path = tmp_path / "model.tflite"
    find_target("tflite").quantize(quantized, spec(96, precision, io), path)
    assert_readable(path)
    assert "features/block2/depthwise_activation/fusion0_mix/rows/shape" in names(path) or precision != "int8"


def test_a_signature_runs_the_file(tmp_path):
    settings = ExportSettings(formats=("tflite",), output=tmp_path, input_size=32, num_classes=3)
    (file,) = export("m0", settings=settings)
    image = np.random.default_rng(0).standard_normal((1, 32, 32, 3)).astype(np.float32)
    logits = Interpreter(str(file.path)).get_signature_runner("serving_default")(image=image)["logits"]
    expected = find_target("tflite").open(file.path, kernels="off").run(image.transpose(0, 3, 1, 2))
    assert np.array_equal(logits, expected)


@pytest.mark.slow
@pytest.mark.parametrize("size", [64, 128])
def test_naive_files_of_sizes_that_are_powers_of_two(tmp_path, size):
    settings = ExportSettings(
        formats=("tflite",), output=tmp_path, input_size=size, num_classes=3, naive=True
    )
    (file,) = export("m0", settings=settings)
    assert file.proof.relative_difference < 1e-5
    assert_readable(file.path, ours=False)
