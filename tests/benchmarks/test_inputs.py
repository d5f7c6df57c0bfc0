"""Every file gets the one array that it takes: an image where it says how it wants one."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image
from quantized_digits import image_folder, quantized_digits

from micronet_edge.data.image_files import image_files
from micronet_edge.data.photographs import photographs
from micronet_edge.errors import SettingsError, TargetError
from micronet_edge.targets.protocol import Ends, ExportSpec
from micronet_edge.targets.readers import read_metadata
from micronet_edge.targets.registry import find_target, target_of
from micronet_edge_bench.distinct_names import distinct_names
from micronet_edge_bench.inputs import prepare
from micronet_edge_bench.runner.runtimes import runtime_for
from micronet_edge_bench.runner.runtimes.checks import random_array


def answer(prepared):
    """What the runner would get."""
    session = runtime_for(prepared.path).open(prepared.path, 1)
    session.set_input(prepared.array)
    session.infer()
    return session.outputs()[0]


def logits(path, images):
    return target_of(path).open(path, kernels="off").run(read_metadata(path).preprocessing.batch(images))


@pytest.fixture(scope="session")
def pairs_of_pixels(tmp_path_factory):
    """A TFLite file that takes the integer pixels of two images."""
    digits = quantized_digits(image_folder(tmp_path_factory), "int8")
    path = tmp_path_factory.mktemp("pairs") / "pairs.tflite"
    spec = ExportSpec(
        digits.metadata.preprocessing.size,
        batch=2,
        naive=False,
        portable=False,
        metadata=digits.metadata,
        precision="int8",
        ends=Ends("int8"),
    )
    find_target("tflite").quantize(digits.forms["tflite"], spec, path)
    return path


@pytest.fixture
def stranger(tmp_path):
    """An ONNX file of an identity that takes what a test says, and no metadata."""

    def call(dtype=TensorProto.FLOAT, shape=(1, 3, 8, 8), inputs=1):
        given = [helper.make_tensor_value_info(f"in{number}", dtype, shape) for number in range(inputs)]
        output = helper.make_tensor_value_info("out", dtype, shape)
        graph = helper.make_graph([helper.make_node("Identity", ["in0"], ["out"])], "g", given, [output])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.save(model, tmp_path / "stranger.onnx")
        return tmp_path / "stranger.onnx"

    return call


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
def test_a_file_of_ours_sees_a_photograph(request, kind):
    path = request.getfixturevalue(f"{kind}_file")
    (prepared,) = prepare([path])
    assert (prepared.name, prepared.format, prepared.metadata.variant) == (path.name, kind, "m0")
    assert prepared.input == "astronaut.jpg of the package's photographs"
    assert prepared.array.flags.c_contiguous
    assert prepared.madds == target_of(path).count(path).conv_linear_madds > 1_000_000
    np.testing.assert_array_equal(answer(prepared), logits(path, photographs()[:1]))


def test_integer_pixels_of_as_many_images_as_the_file_takes(pairs_of_pixels):
    (prepared,) = prepare([pairs_of_pixels])
    assert (prepared.array.dtype, prepared.array.shape[0]) == (np.int8, 2)
    assert prepared.input == "2 images of the package's photographs"
    assert len(np.unique(prepared.array)) > 100
    scores = answer(prepared)
    expected = logits(pairs_of_pixels, photographs()[:2])
    np.testing.assert_array_equal(scores.argmax(axis=1), expected.argmax(axis=1))
    assert np.corrcoef(scores.ravel(), expected.ravel())[0, 1] > 0.9999  # but for step and zero point


def test_images_of_a_folder(tmp_path_factory, onnx_file):
    folder = image_folder(tmp_path_factory) / "test"
    (prepared,) = prepare([onnx_file], folder)
    first = image_files(folder)[0]
    assert prepared.input == f"{first.name} of test"
    np.testing.assert_array_equal(answer(prepared), logits(onnx_file, [first]))


def test_of_too_few_images_some_are_taken_again(pairs_of_pixels, tmp_path):
    Image.linear_gradient("L").save(tmp_path / "one.png")
    (prepared,) = prepare([pairs_of_pixels], tmp_path)
    assert prepared.input == f"one.png of {tmp_path.name}"
    np.testing.assert_array_equal(prepared.array[0], prepared.array[1])


def test_random_numbers_are_always_the_same(onnx_file):
    one, other = (prepare([onnx_file], random=True)[0] for _ in range(2))
    assert one.input == "random numbers, seed 0"
    assert one.metadata.variant == "m0"
    np.testing.assert_array_equal(one.array, other.array)


def test_a_file_of_others_gets_random_numbers(stranger):
    (prepared,) = prepare([stranger()])
    assert prepared.metadata is None
    assert (prepared.array.shape, prepared.array.dtype) == ((1, 3, 8, 8), np.float32)
    assert prepared.input == "random numbers, seed 0"
    assert prepared.madds == 0
    np.testing.assert_array_equal(answer(prepared), prepared.array)


@pytest.mark.parametrize("name", ["int8", "uint8", "int16", "uint16"])
def test_random_integers_use_the_whole_range(name):
    array = random_array((1, 99, 99, 3), np.dtype(name))
    limits = np.iinfo(name)
    assert array.dtype == name
    assert array.min() < limits.min + 0.01 * (limits.max - limits.min)
    assert array.max() > limits.max - 0.01 * (limits.max - limits.min)


def test_names_tell_files_apart(tmp_path):
    paths = [tmp_path / part for part in ("a/x/m0.onnx", "b/x/m0.onnx", "b/m1.onnx", "b/y/m0.onnx")]
    assert distinct_names(paths) == ["a/x/m0.onnx", "b/x/m0.onnx", "m1.onnx", "y/m0.onnx"]


def test_a_file_given_twice(tmp_path, monkeypatch, refusal):
    (tmp_path / "m0.onnx").touch()
    monkeypatch.chdir(tmp_path)
    message = refusal(SettingsError, distinct_names, [Path("m0.onnx"), tmp_path / "m0.onnx"])
    assert "m0.onnx is given twice" in message


def test_a_file_of_others_does_not_say_how_it_wants_images(stranger, tmp_path, refusal):
    Image.linear_gradient("L").save(tmp_path / "one.png")
    message = refusal(TargetError, prepare, [stranger()], tmp_path)
    assert "does not state its preprocessing, as files of this tool do: give --input random" in message


@pytest.mark.parametrize(
    ("given", "error_line"),
    [
        ({"shape": ("n", 3, 8, 8)}, "has an input of the dynamic shape n x 3 x 8 x 8"),
        ({"dtype": TensorProto.INT64}, "has an input of int64"),
    ],
    ids=["shape", "dtype"],
)
def test_a_network_that_cannot_be_measured(stranger, refusal, given, error_line):
    assert error_line in refusal(TargetError, prepare, [stranger(**given)])


@pytest.mark.parametrize(
    ("name", "content", "error_line"),
    [
        ("none.onnx", None, "none.onnx does not exist: check the path"),
        ("folder.onnx", ..., "folder.onnx is a folder, not a file"),
        ("text.onnx", b"not a network\n" * 99, "text.onnx"),
        ("text.tflite", b"not a network\n" * 99, "text.tflite"),
        ("empty.tflite", b"", "empty.tflite"),
        ("image.png", b"pixels", "give a file whose name ends in one of .onnx, .tflite"),
    ],
)
def test_a_file_that_is_no_network(tmp_path, refusal, name, content, error_line):
    if content is ...:
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_bytes(content)
    assert error_line in refusal(TargetError, prepare, [tmp_path / name])
