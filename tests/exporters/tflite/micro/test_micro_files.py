"""Files for TensorFlow Lite Micro: what they hold, what they give there, and what is refused."""

import shutil
from dataclasses import replace

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from cli.command import DIGITS
from example_images import digits
from quantized_digits import CALIBRATED_ON, evenly, image_folder

from micronet_edge import ExportSettings, QuantizeSettings, evaluate, export, quantize, verify
from micronet_edge.errors import TargetError
from micronet_edge.pipeline.prove_again import quantized_from
from micronet_edge.quantization.layers import layers
from micronet_edge.quantization.recipe import recipe_path
from micronet_edge.targets.protocol import ExportSpec
from micronet_edge.targets.readers import read_metadata
from micronet_edge.targets.registry import find_target, for_runtime
from micronet_edge_tflite.counting.operator_names import operators_in
from micronet_edge_tflite.writer.model_writer import FILE_IDENTIFIER

MOST_POINTS_LOST = 0.5
ARENA_BYTES = 8_000_000
MOST_STEPS = 3
"""Of a logit: a tie in each of the two linear layers, and what the hard swish between them makes of it."""


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return image_folder(tmp_path_factory)


@pytest.fixture(scope="module")
def settings(images, tmp_path_factory):
    folder, some = tmp_path_factory.mktemp("micro"), tmp_path_factory.mktemp("calibration")
    for path in evenly(digits.image_paths("train", images), CALIBRATED_ON):
        shutil.copy(path, some)
    return QuantizeSettings(formats=("tflite",), runtime="micro", calibration=some, output=folder)


@pytest.fixture(scope="module")
def file(settings):
    """The trained example for TensorFlow Lite Micro, with float32 input and output."""
    (written,) = quantize(DIGITS, settings=settings).files
    return written.path


@pytest.fixture(scope="module")
def integer_file(file, settings):
    """The same with int8 input and output, by the same recipe."""
    again = replace(settings, io="int8", recipe=recipe_path(file), calibration=None)
    (written,) = quantize(DIGITS, settings=again).files
    return written.path


@pytest.fixture(scope="module")
def byte_file(file, settings):
    """The same with bytes as cameras give them, and probabilities."""
    again = replace(settings, io="uint8", scores="softmax", recipe=recipe_path(file), calibration=None)
    (written,) = quantize(DIGITS, settings=again).files
    return written.path


def test_the_file_says_what_it_is_for(file, integer_file):
    assert (file.name, integer_file.name) == (
        "m0-digits-int8-micro.tflite",
        "m0-digits-int8-micro-io-int8.tflite",
    )
    assert read_metadata(file).runtime == read_metadata(integer_file).runtime == "micro"


def test_no_operator_that_runs_in_slow_code(file, integer_file, byte_file):
    assert "DEQUANTIZE" not in operators_in(byte_file.read_bytes())
    for path, conversions in ((file, 2), (integer_file, 0), (byte_file, 2)):
        found = operators_in(path.read_bytes())
        assert not {"MEAN", "BATCH_MATMUL"} & set(found)
        assert found["QUANTIZE"] + found["DEQUANTIZE"] == conversions


def test_the_accuracy_of_float(file, images):
    found = evaluate(file, images / "test", checkpoint=DIGITS)
    assert abs(found.comparison.difference.points) <= MOST_POINTS_LOST


def test_verify_proves_it_again(file, settings):
    assert verify(file, DIGITS, calibration=settings.calibration).top1_agreement == 1.0


@pytest.fixture(scope="module")
def quantized(file):
    """The network of the file, as sensitivity analysis and mixed precision build it again."""
    found, reference = quantized_from(file, DIGITS)
    assert [node.name for node in found.network.graph.nodes] == [node.name for node in reference.graph.nodes]
    return found


@pytest.mark.parametrize("first", range(3))
def test_layers_in_float(file, quantized, images, runtime, tmp_path, first):
    """Floats next to integers in every way, as --max-drop may leave them."""
    chosen = list(layers(quantized.network).values())[first::3]
    kept = frozenset(name for names in chosen for name in names)
    mixed = replace(quantized, float_layers=quantized.float_layers | kept)
    metadata, path = read_metadata(file), tmp_path / "mixed.tflite"
    spec = ExportSpec(
        96, 1, naive=False, portable=False, metadata=metadata, precision="int8", runtime="micro"
    )
    for_runtime(find_target("tflite"), "micro").quantize(mixed, spec, path)
    for theirs, ours in answers(path.read_bytes(), path, images, runtime):
        np.testing.assert_allclose(theirs, ours, atol=1e-3)


@pytest.fixture(scope="module")
def runtime():
    return pytest.importorskip("tflite_micro", reason="tflite-micro is not installed").runtime


@pytest.mark.parametrize("io", ["float32", "int8"])
def test_tensorflow_lite_micro_gives_the_bits_of_the_reference_kernels(
    file, integer_file, images, runtime, io
):
    """Up to the classifier: LiteRT's own FULLY_CONNECTED rounds once, that of TensorFlow Lite Micro twice."""
    path = file if io == "float32" else integer_file
    features = up_to_the_classifier(path.read_bytes())
    for theirs, ours in answers(features, path, images, runtime):
        np.testing.assert_array_equal(theirs, ours)


def test_it_takes_bytes_and_gives_probabilities(byte_file, images, runtime):
    for theirs, ours in answers(byte_file.read_bytes(), byte_file, images, runtime):
        assert theirs.dtype == np.uint8
        assert np.abs(theirs.astype(int) - ours).max() <= MOST_STEPS
        assert theirs.argmax() == ours.argmax()


def test_its_logits_are_those_of_the_reference_kernels_but_for_ties(integer_file, images, runtime):
    for theirs, ours in answers(integer_file.read_bytes(), integer_file, images, runtime):
        assert np.abs(theirs.astype(int) - ours).max() <= MOST_STEPS
        assert theirs.argmax() == ours.argmax()


def up_to_the_classifier(content):
    """The file with the input of its first FULLY_CONNECTED as its result."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    (graph,), wanted = model.subgraphs, schema.BuiltinOperator.FULLY_CONNECTED
    codes = [code.builtinCode for code in model.operatorCodes]
    first = next(k for k, operator in enumerate(graph.operators) if codes[operator.opcodeIndex] == wanted)
    graph.outputs, model.signatureDefs = graph.operators[first].inputs[:1], []
    graph.operators = graph.operators[:first]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    return bytes(builder.Output())


def answers(content, path, images, runtime):
    """What both interpreters give for each of a few images."""
    theirs = runtime.Interpreter.from_bytes(content, arena_size=ARENA_BYTES)
    resolver = OpResolverType.BUILTIN_REF
    ours = Interpreter(model_content=content, experimental_op_resolver_type=resolver)
    ours.allocate_tensors()
    (given,), (result,) = ours.get_input_details(), ours.get_output_details()
    pixels = read_metadata(path).preprocessing.batch(digits.image_paths("test", images)[:8])
    for image in pixels.transpose(0, 2, 3, 1)[:, None]:
        tensor = image
        if given["dtype"] != np.float32:
            limits = np.iinfo(given["dtype"])
            tensor = (np.rint(image * 40).clip(-128, 127) + 128 + limits.min).astype(limits.dtype)
        ours.set_tensor(given["index"], tensor)
        ours.invoke()
        theirs.set_input(tensor, 0)
        theirs.invoke()
        yield theirs.get_output(0), ours.get_tensor(result["index"])


def test_the_fast_kernels_of_litert_read_it_alike(file, images):
    """Their depthwise convolution of 8 bits crashes on an operator without a bias."""
    opened = [
        Interpreter(str(file), experimental_op_resolver_type=each)
        for each in (OpResolverType.BUILTIN_REF, OpResolverType.AUTO)
    ]
    pixels = read_metadata(file).preprocessing.batch(digits.image_paths("test", images)[::20])
    classes = [[int(logits(each, image).argmax()) for image in pixels] for each in opened]
    assert classes[0] == classes[1]


def logits(interpreter, image):
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image.transpose(1, 2, 0)[None])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize(
    ("changed", "error_line"),
    [
        (
            {"formats": ("onnx", "tflite")},
            "format onnx has no files for --for micro: give --format tflite alone",
        ),
        ({"batch": 2}, "--for micro writes files for one image: give --batch 1, not 2"),
        ({"precision": "int8-a16"}, "--for micro writes int8, not int8-a16: give --precision int8"),
    ],
)
def test_a_refusal(settings, refusal, changed, error_line, tmp_path):
    asked = replace(settings, output=tmp_path, **changed)
    assert refusal(TargetError, quantize, DIGITS, settings=asked) == error_line


def test_a_float_file_is_refused(settings, refusal):
    asked = ExportSettings(formats=("tflite",), runtime="micro", output=settings.output)
    assert refusal(TargetError, export, DIGITS, settings=asked) == (
        "--for micro writes int8, not float32: give --precision int8"
    )
