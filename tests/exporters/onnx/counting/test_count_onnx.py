"""ONNX files counted from their own graphs: against the network, against formulas, and by hand."""

import numpy as np
import onnx
import pytest
from cli.command import DIGITS, ONNX_FILE, shared_digits, shared_quantized
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from micronet_edge import ExportSettings, export
from micronet_edge.counting import count
from micronet_edge.data.signature import Signature
from micronet_edge.errors import TargetError
from micronet_edge.models import load_checkpoint
from micronet_edge_onnx.converter.convert import to_onnx
from micronet_edge_onnx.counting.count import count_file

PATCHES = DIGITS.parents[1] / "patches"
FLOAT = TensorProto.FLOAT


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return shared_digits(tmp_path_factory) / "files" / ONNX_FILE


@pytest.fixture(scope="module")
def quantized(tmp_path_factory):
    return shared_quantized(tmp_path_factory) / "files" / "m0-digits-int8.onnx"


@pytest.fixture(scope="module")
def network():
    return load_checkpoint(DIGITS)


def exported(output, checkpoint=DIGITS, **options):
    (file,) = export(checkpoint, settings=ExportSettings(formats=("onnx",), output=output, **options))
    return file.path


def constant(name, values):
    return numpy_helper.from_array(np.asarray(values), name)


def saved(tmp_path, nodes, constants=(), image=(1, 3, 8, 8), functions=(), domains=()):
    """A file of these nodes from `image` to `result`, whose shape is left to inference."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("image", FLOAT, image)],
        [helper.make_tensor_value_info("result", FLOAT, None)],
        list(constants),
    )
    opsets = [helper.make_opsetid("", 17), *(helper.make_opsetid(domain, 1) for domain in domains)]
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, functions=list(functions)), path)
    return path


def weight(*shape, name="weight"):
    return constant(name, np.zeros(shape, np.float32))


def stored(model):
    """All constants, those inside functions as well, by names that tell them apart."""
    inside = {
        f"{function.name}/{node.output[0]}": numpy_helper.to_array(node.attribute[0].t)
        for function in model.functions
        for node in function.node
        if node.op_type == "Constant"
    }
    return {each.name: numpy_helper.to_array(each) for each in model.graph.initializer} | inside


# --- Beside the network


@pytest.mark.parametrize("checkpoint", [DIGITS, PATCHES / "m1-patches.safetensors"], ids=["m0", "m1"])
def test_a_naive_file_does_the_network_s_own_multiply_adds(tmp_path, checkpoint):
    loaded = load_checkpoint(checkpoint)
    found = count_file(exported(tmp_path, checkpoint, naive=True))
    own = count(loaded.network, loaded.preprocessing.size)
    assert (found.conv_madds, found.linear_madds) == (own.conv_madds, own.linear_madds)
    assert found.shift_max_madds == own.shift_max_madds
    assert found.uncounted == {}


def test_a_lowered_file_applies_the_same_coefficients_and_does_more_in_its_convolutions(digits, network):
    found, own = count_file(digits), count(network.network, network.preprocessing.size)
    assert found.shift_max_madds == own.shift_max_madds
    assert found.conv_linear_madds > own.conv_linear_madds
    assert found.paper_madds == found.conv_linear_madds + found.shift_max_madds
    assert set(found.layers) <= set(own.layers) | {"pool"}  # what flattens the pooled pixels
    assert found.uncounted == {}


def test_every_stored_number_is_counted_once(digits, quantized):
    for path in (digits, quantized):
        found = count_file(path).total
        total = sum(array.nbytes for array in stored(onnx.load(path)).values())
        assert found.weight_bytes + found.constant_bytes == total, path


def test_parameters_of_a_float_file_are_its_stored_weights(digits):
    model = onnx.load(digits)
    # What stands beside the image is weighed by others.
    beside = {name for node in model.graph.node if node.op_type == "Concat" for name in node.input}
    arrays = [array for name, array in stored(model).items() if name not in beside]
    # Floats that are single numbers are bounds of clips; integers are places and sizes.
    weights = [array for array in arrays if array.dtype == np.float32 and array.ndim]
    assert count_file(digits).params == sum(array.size for array in weights)


def test_an_integer_file_weighs_what_it_stores(digits, quantized, network):
    integer = count_file(quantized)
    assert integer.total.weight_bytes < 0.4 * count_file(digits).total.weight_bytes
    assert integer.shift_max_madds == count(network.network, network.preprocessing.size).shift_max_madds
    assert integer.uncounted == {}


def test_a_file_for_any_number_of_images_is_counted_for_one(tmp_path):
    paths = [exported(tmp_path / str(batch), batch=batch, portable=True) for batch in (None, 1)]
    found, fixed = map(count_file, paths)
    assert found.total == fixed.total
    assert found.images == 1
    assert found.notes == ("the file takes any number of images: counted for one",)


def test_a_file_for_four_images_does_four_times_the_work(tmp_path, digits):
    found, fixed = count_file(exported(tmp_path, batch=4)), count_file(digits)
    assert (found.images, fixed.images) == (4, 1)
    assert found.paper_madds == 4 * fixed.paper_madds
    assert found.total.activation_bytes == 4 * fixed.total.activation_bytes


# --- Against formulas


@given(
    groups=st.sampled_from([1, 2, 3, 6]),
    inputs=st.integers(1, 3),
    outputs=st.integers(1, 3),
    kernel=st.tuples(st.sampled_from([1, 3, 5]), st.sampled_from([1, 2, 3])),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    size=st.integers(9, 14),
    bias=st.booleans(),
)
@settings(max_examples=15)
def test_any_convolution_counts_as_its_formula_says(
    tmp_path_factory, groups, inputs, outputs, kernel, stride, padding, dilation, size, bias
):
    channels = groups * outputs
    conv = nn.Conv2d(groups * inputs, channels, kernel, stride, padding, dilation, groups=groups, bias=bias)
    first = nn.Conv2d(3, groups * inputs, 1, bias=False)  # an image has three channels
    path = tmp_path_factory.mktemp("conv") / "conv.onnx"
    network = nn.Sequential(first, nn.ReLU(), conv).eval()
    onnx.save(to_onnx(network, Signature.of_classifier(size, channels), 1), path)
    height, width = (
        (size + 2 * padding - dilation * (k - 1) - 1) // s + 1 for k, s in zip(kernel, stride, strict=True)
    )
    window = kernel[0] * kernel[1] * inputs
    found = count_file(path)
    assert found.conv_madds == channels * height * width * window + 3 * groups * inputs * size * size
    assert found.params == channels * window + bias * channels + 3 * groups * inputs
    assert found.total.other_operations == groups * inputs * size * size


# --- By hand


def test_memory_and_arithmetic_of_a_small_graph_by_hand(tmp_path):
    nodes = [
        helper.make_node("Conv", ["image", "weight"], ["a"], "a", kernel_shape=[1, 1]),
        helper.make_node("Clip", ["a", "low", "high"], ["b"], "b"),
        helper.make_node("Add", ["a", "b"], ["c"], "c"),
        helper.make_node("GlobalAveragePool", ["c"], ["result"], "d"),
    ]
    bounds = [constant("low", np.float32(0)), constant("high", np.float32(6))]
    found = count_file(saved(tmp_path, nodes, [weight(5, 3, 1, 1), *bounds]))
    image, a = 3 * 64 * 4, 5 * 64 * 4
    assert [each.figures.activation_bytes for each in found.operators] == [image + a, 2 * a, 3 * a, a + 20]
    assert [each.figures.other_operations for each in found.operators] == [0, 2 * 320, 320, 320 + 5]
    assert (found.params, found.total.constant_bytes, found.conv_madds) == (15, 8, 64 * 15)
    assert found.peak.name == "c"


def quantizing(kind, name, x, scale):
    return helper.make_node(kind, [x, f"{scale}/scale", f"{scale}/zero"], [name], name)


def steps(name, dtype):
    return [constant(f"{name}/scale", np.float32(1)), constant(f"{name}/zero", dtype(0))]


def test_integers_between_quantize_and_dequantize_are_held_in_integers(tmp_path):
    nodes = [
        quantizing("QuantizeLinear", "x/q", "image", "grid"),
        quantizing("DequantizeLinear", "x", "x/q", "grid"),
        quantizing("DequantizeLinear", "weight", "weight/stored", "channel"),
        helper.make_node("Conv", ["x", "weight"], ["y"], "y", kernel_shape=[1, 1]),
        quantizing("QuantizeLinear", "y/q", "y", "grid"),
        quantizing("DequantizeLinear", "result", "y/q", "grid"),
    ]
    stored = constant("weight/stored", np.zeros((5, 3, 1, 1), np.int8))
    found = count_file(saved(tmp_path, nodes, [stored, *steps("grid", np.uint8), *steps("channel", np.int8)]))
    assert (found.params, found.total.weight_bytes) == (15, 15)
    assert found.total.constant_bytes == 5 + 5
    sizes = {each.name: each.figures.activation_bytes for each in found.operators}
    image, x, y = 3 * 64 * 4, 3 * 64, 5 * 64
    # The convolution reads and writes integers; the file's own float input and output are held as they are.
    assert sizes == {"x/q": image + x, "x": x, "y": x + y, "y/q": y, "result": y + 4 * y}
    # One conversion for each number that comes in and goes out; those of the convolution are part of it.
    assert found.total.other_operations == 3 * 64 + 5 * 64


def test_a_float_operator_holds_in_float_what_it_reads_of_integers(tmp_path):
    nodes = [
        quantizing("QuantizeLinear", "x/q", "image", "grid"),
        quantizing("DequantizeLinear", "x", "x/q", "grid"),
        helper.make_node("Relu", ["x"], ["result"], "y"),
    ]
    found = count_file(saved(tmp_path, nodes, steps("grid", np.uint8)))
    image, integers = 3 * 64 * 4, 3 * 64
    assert [each.figures.activation_bytes for each in found.operators] == [
        image + integers,
        integers + image,
        2 * image,
    ]


def test_weights_in_16_bits_weigh_two_bytes_each(tmp_path):
    nodes = [
        helper.make_node("Cast", ["halves"], ["weight"], "cast", to=FLOAT),
        helper.make_node("Conv", ["image", "weight"], ["result"], "conv", kernel_shape=[1, 1]),
    ]
    found = count_file(saved(tmp_path, nodes, [constant("halves", np.zeros((5, 3, 1, 1), np.float16))]))
    assert (found.params, found.total.weight_bytes) == (15, 30)
    assert [each.kind for each in found.operators] == ["Conv"]


@pytest.mark.parametrize(("shape", "madds"), [((8, 5), 3 * 8 * 8 * 5), ((1, 3, 8, 2), 3 * 8 * 8 * 2)])
def test_matrix_products_by_hand(tmp_path, shape, madds):
    node = helper.make_node("MatMul", ["image", "weight"], ["result"], "y")
    assert count_file(saved(tmp_path, [node], [weight(*shape)])).linear_madds == madds


@pytest.mark.parametrize("transposed", [0, 1])
def test_a_gemm_sums_over_its_own_inner_side(tmp_path, transposed):
    shape = (7, 4) if transposed else (4, 7)
    node = helper.make_node("Gemm", ["image", "weight"], ["result"], "y", transA=transposed)
    assert count_file(saved(tmp_path, [node], [weight(7, 5)], image=shape)).linear_madds == 4 * 7 * 5


def test_a_function_of_the_model_s_own_counts_as_what_it_consists_of(tmp_path):
    body = [
        helper.make_node("Conv", ["x", "w"], ["t"], "inner", kernel_shape=[1, 1]),
        helper.make_node("Relu", ["t"], ["y"]),
    ]
    function = helper.make_function("own", "Fused", ["x", "w"], ["y"], body, [helper.make_opsetid("", 17)])
    calls = [
        helper.make_node("Fused", ["image", "weight"], ["middle"], "features/block1/project", domain="own"),
        helper.make_node("Fused", ["middle", "weight"], ["result"], "features/block2/project", domain="own"),
    ]
    path = saved(tmp_path, calls, [weight(3, 3, 1, 1)], functions=[function], domains=["own"])
    found = count_file(path)
    assert (found.conv_madds, found.params) == (2 * 64 * 9, 9)
    assert {name: layer.conv_madds for name, layer in found.layers.items()} == {
        "features/block1/project": 64 * 9,
        "features/block2/project": 64 * 9,
    }


def test_what_cannot_be_counted_is_listed_and_what_is_unknown_said(tmp_path):
    nodes = [
        helper.make_node("Softsign", ["image"], ["a"], "a"),
        helper.make_node("Mystery", ["a"], ["b"], "b", domain="elsewhere"),
        helper.make_node("Softsign", ["b"], ["result"], "c"),
    ]
    found = count_file(saved(tmp_path, nodes, domains=["elsewhere"]))
    assert found.uncounted == {"Softsign": 2, "Mystery": 1}
    assert found.notes == ("the peak activation memory leaves out 2 tensors of unknown size",)


def test_a_stored_number_that_nothing_reads_is_not_dropped(tmp_path):
    node = helper.make_node("Relu", ["image"], ["result"], "y")
    assert count_file(saved(tmp_path, [node], [weight(5, 3)])).params == 15


def test_constants_written_as_operators_are_constants(tmp_path):
    nodes = [
        helper.make_node("Constant", [], ["scale"], value=constant("scale", np.ones(8, np.float32))),
        helper.make_node("Constant", [], ["shift"], value_float=2.0),
        helper.make_node("Mul", ["image", "scale"], ["a"], "a"),
        helper.make_node("Add", ["a", "shift"], ["result"], "b"),
    ]
    found = count_file(saved(tmp_path, nodes))
    assert (found.params, found.total.weight_bytes) == (9, 36)
    assert [each.kind for each in found.operators] == ["Mul", "Add"]


# --- Bad files


@pytest.mark.parametrize(
    ("content", "error_line"),
    [
        (b"", "is no ONNX model, or has no operators"),
        (b"no model at all\n" * 9, "cannot be read as an ONNX model"),
        (None, "cannot be read as an ONNX model"),
    ],
    ids=["empty", "text", "truncated"],
)
def test_a_file_that_is_no_model_is_refused(tmp_path, refusal, digits, content, error_line):
    path = tmp_path / "bad.onnx"
    path.write_bytes(digits.read_bytes()[:100_000] if content is None else content)
    assert error_line in refusal(TargetError, count_file, path)


def test_open_sizes_are_refused(tmp_path, refusal):
    node = helper.make_node("Relu", ["image"], ["result"], "y")
    path = saved(tmp_path, [node], image=("batch", 3, "height", None))
    error_line = refusal(TargetError, count_file, path)
    assert "input image has an open shape [batch, 3, height, ?]: export it for a fixed size" in error_line


def test_an_input_without_a_shape_is_refused(tmp_path, refusal):
    path = saved(tmp_path, [helper.make_node("Relu", ["image"], ["result"], "y")], image=None)
    assert "input image has no shape" in refusal(TargetError, count_file, path)
