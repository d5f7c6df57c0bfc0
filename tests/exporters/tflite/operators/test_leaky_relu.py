"""A leaky ReLU in float and in integers, and how closely LiteRT's integer kernels agree with float32."""

import numpy as np
import pytest
import torch
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_networks import around, exported, is_ours, quantized
from torch import nn

import micronet_edge
from micronet_edge.quantization.qparams import activation_qparams
from micronet_edge_tflite.writer.operator_writer import OperatorWriter

SLOPES = (0.01, 0.1, 0.3, 0.77)
RANGES = ((-1.0, 1.0), (-6.0, 2.5), (-0.4, 7.0))

EQUAL_SHARE = 0.75
"""Of the integers so many are those of float32, and all others next to it.

LiteRT's own kernels round twice, which changes up to a sixth; XNNPACK's 8-bit factors change up to a fifth.
"""


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return around(nn.LeakyReLU(0.1))


def test_a_float_file_is_ours_and_counted(network, tmp_path):
    file = exported(network, tmp_path)
    assert is_ours(file.path)
    assert file.proof.operators["LEAKY_RELU"] == 1
    assert file.proof.relative_difference < 1e-5
    found = micronet_edge.count(file.path).count
    assert found.uncounted == {}
    (leaky,) = (each for each in found.operators if each.kind == "LEAKY_RELU")
    assert leaky.figures.other_operations == 2 * 16 * 20 * 20


@pytest.mark.parametrize(("precision", "cosine"), [("int8", 0.999), ("int8-a16", 0.99999)])
def test_an_integer_file_is_proven(network, calibration, tmp_path, precision, cosine):
    file = quantized(network, tmp_path, calibration, precision)
    assert file.proof.operators["LEAKY_RELU"] == 1
    assert file.proof.operators["QUANTIZE"] == file.proof.operators["DEQUANTIZE"] == 1
    assert file.proof.cosine > cosine
    assert micronet_edge.count(file.path).count.uncounted == {}


def written(slope, given, result, integers):
    """The content of a file that is one leaky ReLU."""
    writer = OperatorWriter()
    x, y = (writer.tensor(name, integers.shape, qparams) for name, qparams in (("x", given), ("y", result)))
    writer.write("LEAKY_RELU", [x], y, schema.LeakyReluOptionsT, alpha=slope)
    return writer.content({"image": x}, {"logits": y})


def computed(content, integers, **settings):
    interpreter = Interpreter(model_content=content, num_threads=1, **settings)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], integers)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("slope", SLOPES)
def test_every_integer_is_that_of_float32_or_next_to_it(bits, slope):
    without_xnnpack = {
        "experimental_op_resolver_type": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    }
    for low, high in RANGES:
        given, result = activation_qparams(low, high, bits), activation_qparams(slope * low, high, bits)
        integers = np.arange(given.lowest, given.highest + 1).astype(f"int{bits}")[None]
        numbers = ((integers.astype(np.int64) - given.zero_point) * given.scale).astype(np.float32)
        expected = result.integers(nn.LeakyReLU(slope)(torch.from_numpy(numbers)).numpy())
        content = written(slope, given, result, integers)
        for settings in ({}, without_xnnpack):
            difference = np.abs(computed(content, integers, **settings) - expected)
            assert difference.max() <= 1
            assert (difference == 0).mean() > EQUAL_SHARE
