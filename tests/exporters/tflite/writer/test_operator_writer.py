"""Operators by name, with their options; constants stored once; names that no two tensors share."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from micronet_edge.quantization.qparams import activation_qparams
from micronet_edge_tflite.writer.operator_writer import OperatorWriter

SHAPE = (1, 2, 2, 3)


@pytest.fixture
def writer():
    return OperatorWriter()


def model(content):
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))


def run(content, image):
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter.get_signature_runner("serving_default")(image=image)["y"]


def test_an_operator_has_the_options_of_its_kind(writer):
    x, y, z = (writer.tensor(name, SHAPE, None) for name in "xyz")
    writer.write("LEAKY_RELU", [x], y, schema.LeakyReluOptionsT, alpha=0.5)
    writer.write("RELU", [y], z)
    content = writer.content({"image": x}, {"y": z})
    leaky, relu = model(content).subgraphs[0].operators
    assert leaky.builtinOptionsType == schema.BuiltinOptions.LeakyReluOptions
    assert leaky.builtinOptions.alpha == 0.5
    assert relu.builtinOptionsType == schema.BuiltinOptions.NONE
    image = np.arange(-6.0, 6.0, dtype=np.float32).reshape(SHAPE)
    assert np.array_equal(run(content, image), image.clip(0))


def test_options_left_out_keep_the_schema_s_defaults(writer):
    x = writer.tensor("x", SHAPE, None)
    writer.write("ADD", [x, x], writer.tensor("y", SHAPE, None), schema.AddOptionsT)
    (add,) = model(writer.content({}, {})).subgraphs[0].operators
    assert (add.builtinOptions.fusedActivationFunction, add.builtinOptions.potScaleInt16) == (0, True)


def test_an_unknown_operator_is_an_error(writer):
    with pytest.raises(AttributeError, match="NO_SUCH"):
        writer.write("NO_SUCH", [], 0)


def test_sizes_are_named_after_the_result(writer):
    result = writer.tensor("layer", SHAPE, None)
    assert writer.name_of(writer.sizes(result, "axes", (1, 2))) == "layer/axes"
    assert writer.name_of(writer.sizes(result, "axes", (1, 2))) == "layer/axes#2"


def test_equal_constants_are_stored_once(writer):
    ones = np.ones(5, np.float32)
    for name in ("a", "b"):
        writer.constant(name, ones)
    written = model(writer.content({}, {}))
    assert [tensor.buffer for tensor in written.subgraphs[0].tensors] == [1, 1]
    assert len(written.buffers) == 2


@pytest.mark.parametrize("bits", [8, 16])
def test_numbers_are_quantized_or_kept(writer, bits):
    values = np.array([-1.0, 0.0, 0.5], np.float32)
    qparams = activation_qparams(-1.0, 1.0, bits)
    writer.numbers("floats", values, None)
    writer.numbers("integers", values, qparams)
    written = model(writer.content({}, {}))
    floats, integers = written.subgraphs[0].tensors
    assert np.array_equal(written.buffers[floats.buffer].data.view(np.float32), values)
    found = written.buffers[integers.buffer].data.view(f"int{bits}")
    assert np.array_equal(found, qparams.integers(values))
    assert (integers.quantization.scale, integers.quantization.zeroPoint) == (
        pytest.approx([qparams.scale]),
        [qparams.zero_point],
    )
