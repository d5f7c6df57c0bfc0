"""What a quantized network is as an ONNX file, and that ONNX Runtime computes what TFLite does."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from cli.command import DIGITS
from onnx import TensorProto, helper, numpy_helper
from torch import fx, nn

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import TargetError
from micronet_edge.lowering import INTEGER, lower
from micronet_edge.lowering.ir.composite import regions
from micronet_edge.lowering.ir.graph import module_of, shape_of
from micronet_edge.lowering.ir.primitives import DynamicPointwiseWeight
from micronet_edge.lowering.ir.trace import trace
from micronet_edge.models import load_checkpoint
from micronet_edge.models.random_weights import random_network
from micronet_edge.quantization.assign_qparams import assign_qparams
from micronet_edge.quantization.calibrate import calibrate
from micronet_edge.quantization.qparams import PAIRED_WEIGHT_LIMIT, WEIGHT_LIMIT, activation_qparams
from micronet_edge.quantization.quantized_network import QuantizedNetwork
from micronet_edge.quantization.quantized_tensors import tensor_name
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.targets.protocol import ExportSpec
from micronet_edge.targets.registry import find_target
from micronet_edge_onnx.choose_float_layers import layers_better_in_float
from micronet_edge_onnx.recognition.fold_activations import fold_activations
from micronet_edge_onnx.write import quantized_model
from micronet_edge_onnx.writer import float_shift_max
from micronet_edge_onnx.writer.model_writer import ModelWriter
from micronet_edge_tflite.network_file import quantized_file
from micronet_edge_tflite.session import TfliteSession

SMALL = 64
"""Pixels at which every layer still sees more than one, and the family is quick to run."""

ALIKE = 0.999
WEIGHT_LIMITS = {8: PAIRED_WEIGHT_LIMIT, 16: WEIGHT_LIMIT}
ROUNDED = "/rounded"


@pytest.fixture(scope="module")
def digits():
    """The trained example, decomposed, with its ranges on photographs."""
    loaded = load_checkpoint(DIGITS)
    images = loaded.preprocessing.batch(photographs())
    network = lower(loaded.network, INTEGER, loaded.preprocessing.size).network
    ranges = calibrate(network, torch.from_numpy(images), 100.0)
    with torch.no_grad():
        logits = loaded.network.eval()(torch.from_numpy(images)).numpy()
    return SimpleNamespace(
        images=images, network=network, ranges=ranges, logits=logits, preprocessing=loaded.preprocessing
    )


@pytest.fixture
def in_full(monkeypatch):
    """Float weights in 32 bits, so that a file in float is the network."""

    def in_32_bits(writer, name, values, *, transposed=False):
        return writer.constant(name, values.T if transposed else values)

    monkeypatch.setattr(ModelWriter, "weight", in_32_bits)


def in_integers(digits, bits=8):
    tensor_qparams = assign_qparams(digits.network, digits.ranges, bits)
    return QuantizedNetwork(
        digits.network, digits.preprocessing, tensor_qparams, weight_limit=WEIGHT_LIMITS[bits]
    )


def in_float(quantized):
    return replace(quantized, float_layers=all_layers(quantized.network))


def all_layers(network):
    return frozenset(str(node.target) for node in network.graph.nodes if node.op == "call_module")


def mixed(quantized):
    return replace(quantized, float_layers=layers_better_in_float(quantized.network))


FORMS = {"integers": lambda quantized: quantized, "mixed": mixed}


@pytest.fixture(params=FORMS)
def quantized(request, digits):
    return FORMS[request.param](in_integers(digits))


def session_of(model, **options):
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    for name, value in options.items():
        setattr(settings, name, value)
    return onnxruntime.InferenceSession(model.SerializeToString(), settings, ["CPUExecutionProvider"])


def run(model, images, batch=None):
    session, size = session_of(model), batch or len(images)
    parts = [images[start : start + size] for start in range(0, len(images), size)]
    return np.concatenate([session.run(["logits"], {"image": part})[0] for part in parts])


def optimized(model, path):
    """The graph that ONNX Runtime makes of the model before it runs it."""
    session_of(model, optimized_model_filepath=str(path))
    return onnx.load(path).graph


def correlation(ones, others):
    return np.corrcoef(ones.ravel(), others.ravel())[0, 1]


def test_it_gives_the_numbers_of_the_tflite_file(quantized, digits, tmp_path):
    (tmp_path / "int8.tflite").write_bytes(quantized_file(quantized))
    theirs = TfliteSession(tmp_path / "int8.tflite", 1).run(digits.images)
    ours = run(quantized_model(quantized, None), digits.images)
    assert correlation(ours, theirs) > ALIKE
    assert correlation(ours, digits.logits) > 0.99


def rounded_values(quantized, images):
    """Every rounded tensor of the file by its name, computed without any of ONNX Runtime's rewrites."""
    model = quantized_model(quantized, None)
    names = [name for node in model.graph.node for name in node.output if name.endswith(ROUNDED)]
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    values = session_of(model, graph_optimization_level=level).run(names, {"image": images})
    return {
        name.removesuffix(ROUNDED): torch.from_numpy(value) for name, value in zip(names, values, strict=True)
    }


def test_every_layer_gives_the_numbers_of_the_simulation(digits):
    quantized = in_integers(digits)
    simulation, found = Simulation(quantized), rounded_values(quantized, digits.images)
    values, compared = {}, 0
    for node in digits.network.graph.nodes:
        if node.op == "call_module":
            with torch.no_grad():
                inputs = [values[source] for source in node.all_input_nodes]
                values[node] = simulation.finish(node, simulation.start(node, *inputs))
        name = tensor_name(node)
        if name in found and not isinstance(
            module_of(node), DynamicPointwiseWeight
        ):  # which is written transposed
            given = found[name].reshape(len(digits.images), *shape_of(node)[1:])
            if node.op == "call_module":
                steps = ((given - values[node]) / quantized.qparams(node).scale).abs()
                assert steps.max() < 1.01, name
                assert (steps > 0.5).sum() <= max(2, steps.numel() // 50), name  # a sum in another order
                compared += 1
            values[node] = given
    assert compared > 150


@pytest.mark.parametrize("batch", [1, 5, None])
@pytest.mark.usefixtures("in_full")
def test_all_in_float_it_is_the_network(digits, batch):
    logits = run(quantized_model(in_float(in_integers(digits)), batch), digits.images, batch)
    assert np.abs(logits - digits.logits).max() < 1e-5 * np.abs(digits.logits).max()


@pytest.mark.parametrize("variant", ["m0", "m1", "m2", "m3"])
@pytest.mark.parametrize("batch", [1, None])
@pytest.mark.usefixtures("in_full")
def test_the_whole_family_can_be_written(variant, batch):
    images = Preprocessing.imagenet(SMALL).batch(photographs())
    network = random_network(variant, 10, torch.from_numpy(images))
    decomposed = lower(network, INTEGER, SMALL).network
    tensor_qparams = assign_qparams(decomposed, calibrate(decomposed, torch.from_numpy(images), 100.0), 8)
    quantized = in_float(QuantizedNetwork(decomposed, Preprocessing.imagenet(SMALL), tensor_qparams))
    with torch.no_grad():
        expected = network(torch.from_numpy(images)).numpy()
    logits = run(quantized_model(quantized, batch), images, batch)
    assert np.abs(logits - expected).max() < 1e-5 * np.abs(expected).max()
    assert np.isfinite(run(quantized_model(mixed(quantized), batch), images, batch)).all()


def test_with_16_bits_it_is_close_to_the_network(digits):
    logits = run(quantized_model(in_integers(digits, 16), None), digits.images)
    assert correlation(logits, digits.logits) > 0.9998
    assert np.abs(logits - digits.logits).max() < 0.02 * np.abs(digits.logits).max()


def test_the_number_of_images_at_a_time_changes_nothing(quantized, digits):
    one, five, any_number = (run(quantized_model(quantized, n), digits.images, n) for n in (1, 5, None))
    for other in (five, any_number):
        assert correlation(one, other) > ALIKE


@pytest.mark.parametrize("bits", [8, 16])
def test_it_is_an_ordinary_model(digits, bits):
    model = quantized_model(in_integers(digits, bits), 1)
    assert {(opset.domain, opset.version) for opset in model.opset_import} == (
        {("", 14)} if bits == 8 else {("", 14), ("com.microsoft", 1)}
    )
    (image,), (logits,) = model.graph.input, model.graph.output
    shapes = [[dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in (image, logits)]
    assert (image.name, logits.name, shapes) == ("image", "logits", [[1, 3, 96, 96], [1, 10]])
    names = [node.name for node in model.graph.node]
    assert len(set(names)) == len(names)
    assert "Identity" not in {node.op_type for node in model.graph.node}


def test_onnx_runtime_makes_integer_operators_of_the_layers_that_are_faster_so(digits, tmp_path):
    quantized = mixed(in_integers(digits))
    graph = optimized(quantized_model(quantized, 1), tmp_path / "optimized.onnx")
    kinds = [node.op_type for node in graph.node]
    layers = [
        module_of(node)
        for node in quantized.network.graph.nodes
        if node.op == "call_module" and quantized.is_integer(node)
    ]
    assert kinds.count("QGemm") == sum(isinstance(layer, nn.Linear) for layer in layers) == 2
    assert kinds.count("QLinearConv") == sum(isinstance(layer, nn.Conv2d) for layer in layers) > 2
    signed = {constant.name for constant in graph.initializer if constant.data_type == TensorProto.INT8}
    assert not [node for node in graph.node if node.op_type == "DequantizeLinear" and node.input[0] in signed]


@pytest.fixture
def fused(monkeypatch):
    """Fusions of maps of any size as products, or element by element."""

    def form(limit):
        for size in ("SMALL_MAP", "MIDDLING_MAP"):
            monkeypatch.setattr(float_shift_max, size, limit)

    return form


@pytest.mark.parametrize("batch", [None, 1, 3])
def test_both_forms_of_a_fusion_are_the_same(digits, fused, batch):
    images, found = digits.images[:3] if batch != 1 else digits.images[:1], []
    for limit in (0, 10**9):
        fused(limit)
        model = quantized_model(mixed(in_integers(digits)), batch)
        assert ("Split" in {node.op_type for node in model.graph.node}) == (limit > 0)
        found.append(run(model, images))
    assert np.abs(found[0] - found[1]).max() < 1e-3 * np.abs(found[0]).max()


def test_a_portable_file_picks_channels_by_slices(digits):
    quantized = mixed(in_integers(digits))
    gathered, sliced = (quantized_model(quantized, 1, gathers=gathers) for gathers in (True, False))
    gathers = ["Gather" in {node.op_type for node in model.graph.node} for model in (gathered, sliced)]
    assert gathers == [True, False]
    found = [run(model, digits.images, 1) for model in (gathered, sliced)]
    assert np.abs(found[0] - found[1]).max() < 1e-3 * np.abs(found[0]).max()
    for model in (gathered, sliced):
        assert fold_activations(model) == 15


def test_a_node_for_each_activation_that_the_network_has(digits):
    """One fusion or two, element by element or with products."""
    form = mixed(in_integers(digits))
    layers = {region.composite.layer for region in regions(form.network)}
    model = quantized_model(form, 1)
    assert fold_activations(model, layers) == len(layers) == 15
    assert fold_activations(quantized_model(form, 1), {min(layers)}) == 1


def test_16_bits_are_not_portable(digits, refusal):
    metadata = FileMetadata("m0", ("a",), digits.preprocessing, None, precision="int8-a16")
    spec = ExportSpec(96, 1, naive=False, portable=True, metadata=metadata, precision="int8-a16")
    assert "that only ONNX Runtime has" in refusal(TargetError, find_target("onnx").check, spec)


def test_small_maps_are_fused_element_by_element(digits):
    model = quantized_model(mixed(in_integers(digits)), None)
    kinds = Counter(node.op_type for node in model.graph.node)
    assert kinds["MatMul"] > 0
    assert kinds["Split"] > 0
    assert kinds["MatMul"] + kinds["Split"] == 15


def test_corrections_of_borders_are_as_large_as_the_map_once_the_file_is_open(digits, tmp_path):
    model = quantized_model(mixed(in_integers(digits)), 1)
    wholes = [node for node in model.graph.node if node.op_type == "Expand"]
    assert wholes
    for node in wholes:
        shape = constants(model)[node.input[0]].dims
        assert shape[2] == 1 < shape[3]
    assert "Expand" not in {node.op_type for node in optimized(model, tmp_path / "open.onnx").node}


def test_fusions_in_float_are_few_operators(digits, fused):
    fused(0)
    model = quantized_model(mixed(in_integers(digits)), None)
    kinds = [node.op_type for node in model.graph.node if node.op_type != "Constant"]
    places = {
        str(node.target).rsplit("/", 1)[0]
        for node in digits.network.graph.nodes
        if "excite" in str(node.target)
    }
    assert kinds.count("MatMul") == len(places) == 15
    assert not {"Split", "Transpose"} & set(kinds)
    assert len(kinds) < 400


def small(layer, *, tensor_qparams=None, bits=8, float_layers=(), size=8):
    """A network of a few layers on images of a few pixels, its grids from -4 to 4 unless told."""
    network = layer if isinstance(layer, fx.GraphModule) else trace(layer, size)
    every = {"image": activation_qparams(-1.0, 1.0, bits)}
    for node in network.graph.nodes:
        if node.op == "call_module":
            every[str(node.target)] = (tensor_qparams or {}).get(
                str(node.target), activation_qparams(-4.0, 4.0, bits)
            )
    kept = frozenset(float_layers)
    return QuantizedNetwork(network, Preprocessing.imagenet(size), every, kept, WEIGHT_LIMITS[bits])


def image_of(size=8):
    return np.random.default_rng(0).uniform(-1, 1, (1, 3, size, size)).astype(np.float32)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_dead_channel_keeps_its_bias(bits):
    conv = nn.Conv2d(3, 4, 1)
    with torch.no_grad():
        conv.weight[1] = 0.0
        conv.bias[1] = 3.0
    quantized = small(nn.Sequential(conv), bits=bits)
    found = run(quantized_model(quantized, 1), image_of())
    with torch.no_grad():
        expected = conv(torch.from_numpy(image_of())).numpy()
    (qparams,) = {quantized.tensor_qparams[name] for name in quantized.tensor_qparams if name != "image"}
    assert np.abs(found - expected).max() < max(2 * qparams.scale, 0.02)


# --- Weights of integer operators, whose products some processors add in 16 bits


def test_the_largest_products_are_added_as_they_are():
    conv = nn.Conv2d(3, 4, 3, bias=False)
    with torch.no_grad():
        conv.weight.fill_(1.0)
    tensor_qparams = {"0": activation_qparams(0.0, 30.0, 8)}
    form = find_target("onnx").quantized_graph(small(nn.Sequential(conv), tensor_qparams=tensor_qparams))
    form = replace(form, float_layers=frozenset())
    bright = np.full((1, 3, 8, 8), 1.0, np.float32)
    with torch.no_grad():
        (expected,) = set(Simulation(form)(torch.from_numpy(bright)).ravel().tolist())
    found = run(quantized_model(form, 1), bright)
    assert expected == pytest.approx(27.0, abs=0.2)
    np.testing.assert_allclose(found, expected, atol=tensor_qparams["0"].scale)


def test_no_sum_of_two_products_leaves_16_bits(digits):
    model = quantized_model(find_target("onnx").quantized_graph(in_integers(digits)), 1)
    read = {node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    stored = [each for name, each in constants(model).items() if name in read]
    weights = [numpy_helper.to_array(each) for each in stored if each.data_type == TensorProto.INT8]
    matrices = [each for each in weights if each.ndim > 1]
    assert matrices
    assert max(int(np.abs(each.astype(int)).max()) for each in matrices) == PAIRED_WEIGHT_LIMIT
    assert 2 * PAIRED_WEIGHT_LIMIT * 255 < 2**15


# --- Weights of float operators, which take 16 bits


def constants(model):
    return {constant.name: constant for constant in model.graph.initializer}


def wide(weight=None):
    """A network with more weights than are small, in float."""
    conv = nn.Conv2d(3, 8, 3, padding=1)
    if weight is not None:
        conv.weight = nn.Parameter(weight)
    return small(nn.Sequential(conv), float_layers=("image", "0"))


def test_weights_of_float_operators_take_16_bits(digits):
    quantized = mixed(in_integers(digits))
    found, compared = constants(quantized_model(quantized, 1)), 0
    for node in quantized.network.graph.nodes:
        layer, name = module_of(node), f"{node.target}/weight/halves"
        if name in found:
            assert isinstance(layer, nn.Conv2d)
            assert not quantized.is_integer(node)
            assert found[name].data_type == TensorProto.FLOAT16
            assert f"{node.target}/weight" not in found
            halves = layer.weight.detach().half().flatten().numpy()
            assert np.array_equal(numpy_helper.to_array(found[name]).ravel(), halves)
            compared += 1
    assert compared > 10
    sizes = Counter()
    for constant in found.values():
        sizes[constant.data_type] += len(constant.raw_data)
    assert sizes[TensorProto.FLOAT16] > sizes[TensorProto.FLOAT]


def test_with_weights_of_16_bits_the_logits_stay_close(digits):
    logits = run(quantized_model(in_float(in_integers(digits)), None), digits.images)
    assert 0 < np.abs(logits - digits.logits).max() < 0.01 * np.abs(digits.logits).max()
    assert (logits.argmax(1) == digits.logits.argmax(1)).all()


def test_weights_of_16_bits_are_read_as_what_they_are():
    quantized = wide()
    found = run(quantized_model(quantized, 1), image_of())
    conv = quantized.network.get_submodule("0")
    with torch.no_grad():
        conv.weight.copy_(conv.weight.half())
        expected = conv(torch.from_numpy(image_of())).numpy()
    assert np.abs(found - expected).max() < 1e-6 * np.abs(expected).max()


def test_they_are_converted_when_the_file_is_opened(digits, tmp_path):
    model = quantized_model(mixed(in_integers(digits)), 1)
    assert "Cast" in {node.op_type for node in model.graph.node}
    graph = optimized(model, tmp_path / "optimized.onnx")
    assert "Cast" not in {node.op_type for node in graph.node}


def spread(value):
    """Weights of which one channel is of another size."""
    weight = torch.randn(8, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    weight[5] *= value
    return weight


@pytest.mark.parametrize("size", [1e-8, 1e-6, 1e5], ids=str)
def test_weights_that_16_bits_cannot_hold_keep_32(size):
    quantized = wide(spread(size))
    model = quantized_model(quantized, 1)
    assert constants(model)["0/weight"].data_type == TensorProto.FLOAT
    assert "Cast" not in {node.op_type for node in model.graph.node}
    conv = quantized.network.get_submodule("0")
    with torch.no_grad():
        expected = conv(torch.from_numpy(image_of())).numpy()
    assert np.abs(run(model, image_of()) - expected).max() < 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("size", [0.0, 1e-3, 1e3], ids=str)
def test_channels_of_other_sizes_take_16_bits_too(size):
    found = constants(quantized_model(wide(spread(size)), 1))
    assert found["0/weight/halves"].data_type == TensorProto.FLOAT16


def test_a_few_weights_are_not_worth_a_conversion():
    quantized = small(nn.Sequential(nn.Conv2d(3, 4, 1)), float_layers=("image", "0"))
    assert constants(quantized_model(quantized, 1))["0/weight"].data_type == TensorProto.FLOAT


# --- Weights of float operators that are stored in integers all the same


def test_weights_that_make_coefficients_are_integers_in_the_file(digits, tmp_path):
    form = find_target("onnx").quantized_graph(in_integers(digits))
    assert form.integer_weights
    assert not any(
        map(form.is_integer, (n for n in form.network.graph.nodes if n.target in form.integer_weights))
    )
    model = quantized_model(form, 1)
    found = [each for name, each in constants(model).items() if name.endswith("excite/weight/integers")]
    assert found
    assert {each.data_type for each in found} == {TensorProto.INT8}
    graph = optimized(model, tmp_path / "optimized.onnx")
    assert "Cast" not in {node.op_type for node in graph.node}
    whole = sum(len(each.raw_data) for each in constants(model).values())
    plain = quantized_model(replace(form, integer_weights=frozenset()), 1)
    assert whole < 0.95 * sum(len(each.raw_data) for each in constants(plain).values())


def test_such_weights_are_rounded_as_in_the_simulation():
    form = replace(wide(), integer_weights=frozenset({"0"}))
    model = quantized_model(form, 1)
    assert constants(model)["0/weight/integers"].data_type == TensorProto.INT8
    with torch.no_grad():
        expected = Simulation(form)(torch.from_numpy(image_of())).numpy()
        exact = form.network(torch.from_numpy(image_of())).numpy()
    found = run(model, image_of())
    assert np.abs(found - expected).max() < 1e-6 * np.abs(expected).max()
    assert np.abs(exact - expected).max() > 1e-4 * np.abs(expected).max()


def test_a_layer_that_the_recipe_keeps_in_float_has_its_weights_in_full(digits):
    quantized = in_integers(digits)
    target = find_target("onnx")
    name = min(target.quantized_graph(quantized).integer_weights)
    kept = target.quantized_graph(replace(quantized, float_layers=frozenset({name})))
    assert name not in kept.integer_weights


# --- Products that are no Dynamic Shift-Max


class Excited(nn.Module):
    """Squeeze-and-excite, written as x * s."""

    def __init__(self):
        super().__init__()
        self.conv, self.mean, self.squeeze = nn.Conv2d(3, 8, 1), nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 1)
        self.rectify, self.excite, self.clip = nn.ReLU(), nn.Conv2d(4, 8, 1), nn.Hardtanh(0.0, 1.0)

    def forward(self, x):
        y = self.conv(x)
        return y * self.clip(self.excite(self.rectify(self.squeeze(self.mean(y)))))


@pytest.mark.parametrize("size", [4, 32])
def test_squeeze_and_excite_is_written_as_the_product_that_it_is(size):
    network = lower(Excited().eval(), INTEGER, size).network
    quantized = in_float(small(network, size=size))
    model = quantized_model(quantized, 1)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds == ["Conv", "ReduceMean", "Gemm", "Relu", "Gemm", "Clip", "Reshape", "Mul"]
    assert fold_activations(model) == 0
    image = image_of(size)
    with torch.no_grad():
        expected = network(torch.from_numpy(image)).numpy()
    assert np.abs(run(model, image) - expected).max() < 1e-2 * np.abs(expected).max()


# --- Clips


RELU6 = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU6())


@pytest.mark.parametrize(
    ("qparams", "float_layers", "written"),
    [
        (activation_qparams(0.0, 6.0, 8), (), False),
        (activation_qparams(0.0, 2.0, 8), (), False),
        (activation_qparams(0.0, 7.0, 8), (), True),
        (activation_qparams(-1.0, 6.0, 8), (), True),
        (activation_qparams(0.0, 6.0, 16), (), True),
        (activation_qparams(0.0, 6.0, 8), ("0", "1"), True),
    ],
)
def test_a_clip_is_written_where_the_grid_does_not_cut(qparams, float_layers, written):
    quantized = small(RELU6, tensor_qparams={"1": qparams}, bits=qparams.bits, float_layers=float_layers)
    kinds = [node.op_type for node in quantized_model(quantized, 1).graph.node]
    assert ("Clip" in kinds) == written


def test_a_clip_in_float_is_not_written_before_a_rounding_that_cuts():
    layers = nn.Sequential(*RELU6, nn.Conv2d(4, 4, 1))
    quantized = small(layers, tensor_qparams={"1": activation_qparams(0.0, 6.0, 8)}, float_layers=("0", "1"))
    assert "Clip" not in {node.op_type for node in quantized_model(quantized, 1).graph.node}


def test_a_layer_without_an_operator_is_refused(refusal):
    quantized = small(nn.Sequential(nn.Softsign()))
    assert "Softsign" in refusal(TargetError, quantized_model, quantized, 1)
