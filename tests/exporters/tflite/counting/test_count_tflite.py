"""TFLite files counted from their own graphs: against the network, against formulas, and by hand."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from cli.command import DIGITS, TFLITE_FILE, shared_digits, shared_quantized
from hypothesis import given
from hypothesis import strategies as st

from micronet_edge import ExportSettings, export
from micronet_edge.counting import count
from micronet_edge.errors import TargetError
from micronet_edge.models import load_checkpoint
from micronet_edge_tflite.counting.count import count_file
from micronet_edge_tflite.writer.model_writer import ModelWriter

OPERATOR, OPTIONS = schema.BuiltinOperator, schema.BuiltinOptions
RELU6 = schema.ActivationFunctionType.RELU6


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return shared_digits(tmp_path_factory) / "files" / TFLITE_FILE


@pytest.fixture(scope="module")
def quantized(tmp_path_factory):
    return shared_quantized(tmp_path_factory) / "files" / "m0-digits-int8.tflite"


@pytest.fixture(scope="module")
def network():
    loaded = load_checkpoint(DIGITS)
    return count(loaded.network, loaded.preprocessing.size)


class Written:
    """A file written operator by operator, whose input is `x`."""

    def __init__(self, path, *shape):
        self._path, self._writer = path, ModelWriter()
        self.x = self._input = self._writer.tensor("x", shape, None)

    def constant(self, name, *shape, dtype=np.float32):
        return self._writer.constant(name, np.ones(shape, dtype))

    def add(self, code, name, inputs, shape, options=None, kind=OPTIONS.NONE):
        """An operator of one result, which is the file's output until the next one is added."""
        self.x = self._writer.tensor(name, shape, None)
        self._writer.operator(code, inputs, [self.x], options, kind)
        return self.x

    def content(self):
        return self._writer.content({"x": self._input}, {"y": self.x})

    def count(self):
        self._path.write_bytes(self.content())
        return count_file(self._path)


@pytest.fixture
def written(tmp_path):
    return lambda *shape: Written(tmp_path / "model.tflite", *shape)


def changed(path, content, change):
    """The count of the file's content, changed."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))
    change(model.subgraphs[0], model)
    builder = schema.flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return count_file(path)


def conv_options(activation=0):
    options = schema.Conv2DOptionsT()
    options.fusedActivationFunction = activation
    return options


# --- Beside the network


@pytest.mark.slow
def test_a_naive_file_does_the_network_s_own_multiply_adds_and_its_names_do_not_say_which(tmp_path, network):
    settings = ExportSettings(formats=("tflite",), output=tmp_path, naive=True)
    (file,) = export(DIGITS, settings=settings)
    found = count_file(file.path)
    assert (found.conv_madds, found.linear_madds) == (network.conv_madds, network.linear_madds)
    assert (found.shift_max_madds, found.paper_madds) == (None, None)
    assert found.total.other_operations > network.shift_max_madds
    assert found.uncounted == {}


def test_a_lowered_file_does_more_multiply_adds_in_less_time(digits, network):
    found = count_file(digits)
    # The products with matrices of each image's own hold zeros.
    assert found.shift_max_madds > network.shift_max_madds
    assert found.conv_linear_madds > network.conv_linear_madds
    assert found.uncounted == {}
    assert "features/block2/depthwise_activation" in found.layers


def test_every_stored_number_is_counted_once_and_parameters_are_the_float_ones(digits):
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(digits.read_bytes()))
    stored = {}
    for tensor in model.subgraphs[0].tensors:
        data = model.buffers[tensor.buffer].data
        if data is not None:
            _, was_float = stored.get(tensor.buffer, (0, False))
            stored[tensor.buffer] = (len(data), was_float or tensor.type == schema.TensorType.FLOAT32)
    found = count_file(digits)
    assert found.total.weight_bytes + found.total.constant_bytes == sum(size for size, _ in stored.values())
    assert found.params == sum(size for size, is_float in stored.values() if is_float) // 4


def test_an_integer_file_multiplies_by_matrices_of_coefficients(quantized, digits, network):
    found = count_file(quantized)
    # A matrix of coefficients is mostly zeros, which are multiplied as well.
    assert found.shift_max_madds > network.shift_max_madds
    assert any(each.kind == "BATCH_MATMUL" and each.figures.shift_max_madds for each in found.operators)
    assert found.total.weight_bytes < 0.3 * count_file(digits).total.weight_bytes
    assert found.uncounted == {}


# --- Against formulas


@given(
    groups=st.sampled_from([1, 2, 3]),
    inputs=st.integers(1, 4),
    outputs=st.integers(1, 4),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    depthwise=st.booleans(),
)
def test_any_convolution_counts_as_its_formula_says(
    tmp_path_factory, groups, inputs, outputs, kernel, size, depthwise
):
    channels, width = groups * inputs, groups * inputs * outputs
    file = Written(tmp_path_factory.mktemp("conv") / "model.tflite", 1, 10, 10, channels)
    shape = (1, *kernel, width) if depthwise else (width, *kernel, inputs)
    code = OPERATOR.DEPTHWISE_CONV_2D if depthwise else OPERATOR.CONV_2D
    operands = [file.x, file.constant("weight", *shape), file.constant("bias", width, dtype=np.int32)]
    file.add(code, "y", operands, (1, *size, width))
    window = kernel[0] * kernel[1] * (1 if depthwise else inputs)
    found = file.count()
    assert found.conv_madds == size[0] * size[1] * width * window
    assert found.params == width * window + width


# --- By hand


def test_memory_and_arithmetic_of_a_small_graph_by_hand(written):
    file = written(1, 8, 8, 3)
    x, weight = file.x, file.constant("weight", 5, 1, 1, 3, dtype=np.int8)
    options = conv_options(RELU6)
    a = file.add(OPERATOR.CONV_2D, "a", [x, weight, -1], (1, 8, 8, 5), options, OPTIONS.Conv2DOptions)
    b = file.add(OPERATOR.HARD_SWISH, "b", [a], (1, 8, 8, 5))
    c = file.add(OPERATOR.ADD, "c", [a, b], (1, 8, 8, 5))
    axes = file.constant("axes", 2, dtype=np.int32)
    file.add(OPERATOR.MEAN, "d", [c, axes], (1, 1, 1, 5))
    found = file.count()
    image, wide = 3 * 64 * 4, 5 * 64 * 4
    assert [each.figures.activation_bytes for each in found.operators] == [
        image + wide,
        2 * wide,
        3 * wide,
        wide + 20,
    ]
    assert [each.figures.other_operations for each in found.operators] == [2 * 320, 5 * 320, 320, 320 + 5]
    assert (found.params, found.total.weight_bytes, found.total.constant_bytes) == (15, 15, 8)
    assert found.conv_madds == 64 * 15


@pytest.mark.parametrize("transposed", [False, True])
def test_a_product_of_matrices_sums_over_its_own_inner_side(written, transposed):
    file = written(1, 7, 4)
    options = schema.BatchMatMulOptionsT()
    options.adjX = transposed
    inner, rows = (7, 4) if transposed else (4, 7)
    matrix = file.constant("matrix", 1, inner, 5)
    file.add(OPERATOR.BATCH_MATMUL, "y", [file.x, matrix], (1, rows, 5), options, OPTIONS.BatchMatMulOptions)
    assert file.count().linear_madds == 7 * 4 * 5


def test_a_fully_connected_layer_by_hand(written):
    file = written(2, 7)
    file.add(OPERATOR.FULLY_CONNECTED, "y", [file.x, file.constant("weight", 5, 7), -1], (2, 5))
    found = file.count()
    assert (found.linear_madds, found.params, found.images) == (2 * 7 * 5, 35, 2)


def test_constants_with_equal_contents_are_stored_and_counted_once(written):
    file = written(1, 5)
    file.add(OPERATOR.ADD, "a", [file.x, file.constant("first", 5)], (1, 5))
    file.add(OPERATOR.ADD, "b", [file.x, file.constant("second", 5)], (1, 5))
    assert file.count().params == 5


def test_weights_that_are_converted_first_weigh_what_they_store(written):
    file = written(1, 5)
    x = file.x
    weight = file.add(OPERATOR.DEQUANTIZE, "weight", [file.constant("stored", 5, dtype=np.int8)], (5,))
    file.add(OPERATOR.MUL, "y", [x, weight], (1, 5))
    found = file.count()
    assert (found.params, found.total.weight_bytes, found.total.other_operations) == (5, 5, 5)
    assert [each.kind for each in found.operators] == ["MUL"]


def test_what_cannot_be_counted_is_listed(tmp_path, written):
    file = written(1, 5)
    for name in ("a", "b"):
        file.add(OPERATOR.COS, name, [file.x], (1, 5))
    file.add(OPERATOR.CUSTOM, "c", [file.x], (1, 5))

    def call_it_mystery(_graph, model):
        model.operatorCodes[1].customCode = b"Mystery"

    found = changed(tmp_path / "model.tflite", file.content(), call_it_mystery)
    assert found.uncounted == {"COS": 2, "Mystery": 1}


def test_a_fused_activation_that_is_not_known_makes_its_operator_uncounted(written):
    file = written(1, 8, 8, 3)
    options = conv_options(schema.ActivationFunctionType.TANH)
    operands = [file.x, file.constant("weight", 5, 1, 1, 3), -1]
    file.add(OPERATOR.CONV_2D, "y", operands, (1, 8, 8, 5), options, OPTIONS.Conv2DOptions)
    assert file.count().uncounted == {"CONV_2D": 1}


@pytest.mark.parametrize(
    ("signature", "error_line"),
    [([-1, 8, 8, 3], None), ([1, -1, 8, 3], "input x has an open shape [1, ?, 8, 3]")],
)
def test_an_open_number_of_images_counts_as_one_and_open_sizes_are_refused(
    tmp_path, written, refusal, signature, error_line
):
    file = written(1, 8, 8, 3)
    file.add(OPERATOR.RELU6, "y", [file.x], (1, 8, 8, 3))

    def leave_open(graph, _model):
        graph.tensors[0].shapeSignature = signature

    path = tmp_path / "model.tflite"
    if error_line is None:
        found = changed(path, file.content(), leave_open)
        assert found.notes == ("the file takes any number of images: counted for one",)
        assert found.total.other_operations == 2 * 8 * 8 * 3
    else:
        assert error_line in refusal(TargetError, changed, path, file.content(), leave_open)


# --- Bad files


@pytest.mark.parametrize("length", [0, 7, 9, 1_000, 100_000])
def test_a_truncated_file_is_refused(tmp_path, refusal, digits, length):
    path = tmp_path / "bad.tflite"
    path.write_bytes(digits.read_bytes()[:length])
    error_line = refusal(TargetError, count_file, path)
    found = ("is empty (0 bytes)", "is no TFLite model", "is a damaged TFLite model")
    assert any(words in error_line for words in found)


def test_a_file_of_something_else_is_refused(tmp_path, refusal):
    path = tmp_path / "bad.tflite"
    path.write_bytes(b"no model at all\n" * 99)
    assert "it lacks the mark TFL3" in refusal(TargetError, count_file, path)


def test_random_damage_is_refused_in_one_line_or_does_no_harm(tmp_path, digits):
    generator, content = np.random.default_rng(0), np.frombuffer(digits.read_bytes(), np.uint8)
    path, error_texts = tmp_path / "bad.tflite", []
    for _ in range(20):
        damaged = content.copy()
        damaged[generator.integers(8, len(damaged), 500)] = generator.integers(0, 256, 500)
        path.write_bytes(damaged.tobytes())
        try:
            count_file(path)
        except TargetError as error:
            error_texts.append(str(error))
    assert error_texts
    assert all("\n" not in error_line for error_line in error_texts)
