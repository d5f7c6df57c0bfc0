"""What a quantized network is as a TFLite file, and that LiteRT computes what the simulation does."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from PIL import Image
from quantized_digits import image_folder, quantized_digits
from torch import nn

from micronet_edge.errors import TargetError
from micronet_edge.lowering.ir.graph import calls, only_input
from micronet_edge.quantization.fuse_activations import with_fused_activations
from micronet_edge.quantization.layer_outputs import decibels
from micronet_edge.quantization.layers import layers
from micronet_edge.quantization.qparams import weight_scales
from micronet_edge.quantization.refine_stem import PIXEL_QPARAMS, refine_stem
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.targets.protocol import Ends, ExportSpec
from micronet_edge.targets.registry import find_target
from micronet_edge_tflite.session import TfliteSession
from micronet_edge_tflite.writer.coefficients import coefficient_qparams, is_coefficient

SIZE = 96


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return quantized_digits(image_folder(tmp_path_factory), "int8")


@pytest.fixture(scope="module")
def quantized(digits):
    """The network as the file has it."""
    return digits.forms["tflite"]


@pytest.fixture(scope="module")
def mixed(quantized):
    """Every third layer in float: floats next to integers in every way."""
    grouped = list(layers(quantized.network).values())
    chosen = frozenset(name for names in grouped[::3] for name in names)
    return replace(quantized, float_layers=quantized.float_layers | chosen)


@pytest.fixture(scope="module")
def written(digits, quantized, mixed, tmp_path_factory):
    """The file of each kind by name, written once."""
    folder = tmp_path_factory.mktemp("int8")
    wide = quantized_digits(image_folder(tmp_path_factory), "int8-a16")
    files = SimpleNamespace(
        int8=folder / "int8.tflite",
        integer_io=folder / "io.tflite",
        batch3=folder / "batch3.tflite",
        int16=folder / "int16.tflite",
        mixed=folder / "mixed.tflite",
    )
    write(quantized, digits.metadata, files.int8)
    write(quantized, digits.metadata, files.integer_io, io="int8")
    write(quantized, digits.metadata, files.batch3, batch=3)
    write(wide.forms["tflite"], wide.metadata, files.int16)
    write(mixed, digits.metadata, files.mixed)
    return files


def write(quantized, metadata, path, *, batch=1, io="float32"):
    spec = ExportSpec(
        SIZE, batch, naive=False, portable=False, metadata=metadata, precision="int8", ends=Ends(io)
    )
    find_target("tflite").quantize(quantized, spec, path)


def opened(path):
    """The file without XNNPACK, which hides what it takes over."""
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(str(path), num_threads=1, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    return interpreter


def operators(path):
    return Counter(details["op_name"] for details in opened(path)._get_ops_details())


def ends(interpreter):
    (image,), (logits,) = interpreter.get_input_details(), interpreter.get_output_details()
    return image, logits


def run(path, images):
    return find_target("tflite").open(path).run(images)


def simulated(quantized, images):
    with torch.no_grad():
        return Simulation(quantized)(torch.from_numpy(images)).numpy()


def cosine(ours, theirs):
    return (ours * theirs).sum() / (np.linalg.norm(ours) * np.linalg.norm(theirs))


def agreement(ours, theirs):
    return (ours.argmax(1) == theirs.argmax(1)).mean()


# --- What the files are made of


def test_only_the_ends_and_what_makes_pixels_are_float(written):
    interpreter = opened(written.int8)
    image, logits = ends(interpreter)
    assert image["dtype"] is logits["dtype"] is np.float32
    inner = [
        each
        for each in interpreter.get_tensor_details()
        if each["index"] not in {image["index"], logits["index"]}
        and each["name"] not in {"pixels/scaled", "pixels/scaled/constant", "pixels", "pixels/constant"}
    ]
    assert {each["dtype"] for each in inner} == {np.int8, np.int32}
    assert len(inner) > 300


def test_with_integer_ends_nothing_is_float(written):
    interpreter = opened(written.integer_io)
    image, logits = ends(interpreter)
    assert image["dtype"] is logits["dtype"] is np.int8
    assert {each["dtype"] for each in interpreter.get_tensor_details()} == {np.int8, np.int32}


def test_numbers_are_converted_at_the_ends_alone(written):
    found = operators(written.int8)
    assert (found["QUANTIZE"], found["DEQUANTIZE"]) == (1, 1)
    found = operators(written.integer_io)
    assert (found["QUANTIZE"], found["DEQUANTIZE"]) == (0, 0)


@pytest.mark.parametrize("name", ["int8", "integer_io", "batch3", "int16", "mixed"])
def test_they_hold_plain_operators_only(written, digits, name):
    path = getattr(written, name)
    assert not [kind for kind in operators(path) if "flex" in kind.lower() or "custom" in kind.lower()]
    target = find_target("tflite")
    metadata = target.read_metadata(path)
    assert (metadata.labels, metadata.layout) == (digits.metadata.labels, "NHWC")
    assert metadata.precision == ("int8-a16" if name == "int16" else "int8")
    session = target.open(path, kernels="off")
    assert target.violations(session, session.operators(), metadata) == []


def test_with_16_bits_activations_are_int16_and_weights_int8(written):
    interpreter = opened(written.int16)
    kinds = Counter(each["dtype"] for each in interpreter.get_tensor_details())
    assert set(kinds) == {np.float32, np.int16, np.int8, np.int32, np.int64}
    assert kinds[np.float32] == 2
    signed = [each for each in interpreter.get_tensor_details() if each["dtype"] is np.int16]
    assert all(zero == 0 for each in signed for zero in each["quantization_parameters"]["zero_points"])


def test_weights_have_a_step_for_each_output_channel(written, quantized):
    tensors = {each["name"]: each for each in opened(written.int8).get_tensor_details()}
    compared = 0
    for kind in (nn.Conv2d, nn.Linear):
        for node, layer in calls(quantized.network, kind):
            weight = tensors[f"{node.target}/weight"]
            assert weight["dtype"] is np.int8
            found = weight["quantization_parameters"]
            np.testing.assert_allclose(
                found["scales"], weight_scales(layer.weight.detach().numpy()), rtol=1e-6
            )
            assert not found["zero_points"].any()
            axis = found["quantized_dimension"]
            assert len(found["scales"]) == weight["shape"][axis] == layer.weight.shape[0]
            bias = tensors[f"{node.target}/bias"]
            source = quantized.qparams(node.all_input_nodes[0])
            assert bias["dtype"] is np.int32
            scales = bias["quantization_parameters"]["scales"]
            np.testing.assert_allclose(scales, found["scales"] * source.scale, rtol=1e-5)
            compared += 1
    assert compared == 83


def test_every_tensor_has_its_quantization_parameters(written, quantized):
    tensors = {each["name"]: each for each in opened(written.integer_io).get_tensor_details()}
    compared, moved = 0, 0
    own = dict(quantized.tensor_qparams)
    for node, _ in calls(quantized.network, nn.Hardtanh):
        if is_coefficient(node):
            own[node.target], _ = coefficient_qparams(node, quantized)
            moved += own[node.target] != quantized.tensor_qparams[node.target]
    assert moved > 0
    for name, qparams in own.items():
        if name in tensors:
            scale, zero_point = tensors[name]["quantization"]
            assert (scale, zero_point) == (pytest.approx(qparams.scale), qparams.zero_point), name
            compared += 1
    assert compared > 0.9 * len(quantized.tensor_qparams)


def test_the_same_network_gives_the_same_bytes(written, digits, quantized, tmp_path):
    for name, settings in {"int8": {}, "integer_io": {"io": "int8"}, "batch3": {"batch": 3}}.items():
        write(quantized, digits.metadata, tmp_path / name, **settings)
        assert (tmp_path / name).read_bytes() == getattr(written, name).read_bytes()


# --- What they compute


def test_it_computes_what_the_simulation_does(written, digits, quantized):
    plain = find_target("tflite").open(written.int8, kernels="off")
    logits, expected = plain.run(digits.images), simulated(quantized, digits.images)
    assert agreement(logits, expected) >= 0.995
    assert decibels(float(np.square(expected).sum()), float(np.square(logits - expected).sum())) >= 40


def test_with_kernels_it_computes_what_their_simulation_does(written, digits, quantized):
    session = find_target("tflite").open(written.int8)
    form = with_fused_activations(quantized) if session.fused else quantized
    logits, expected = session.run(digits.images), simulated(form, digits.images)
    assert agreement(logits, expected) >= 0.995
    assert decibels(float(np.square(expected).sum()), float(np.square(logits - expected).sum())) >= 40


def test_it_reads_the_digits(written, digits):
    logits = run(written.int8, digits.images)
    assert (logits.argmax(1) == np.array(digits.truth)).mean() >= 0.97


def test_integer_ends_give_the_same_answers(written, digits, quantized):
    image, logits = ends(opened(written.integer_io))
    last = only_input(list(quantized.network.graph.nodes)[-1])
    for end, qparams in ((image, PIXEL_QPARAMS), (logits, quantized.qparams(last))):
        assert end["quantization"] == (pytest.approx(qparams.scale), qparams.zero_point)
    ours, theirs = (run(path, digits.images) for path in (written.integer_io, written.int8))
    # A pixel on a tie may be rounded either way.
    assert agreement(ours, theirs) >= 0.98
    assert cosine(ours, theirs) > 0.999


def test_pixels_less_128_are_what_integer_ends_take(written, digits):
    interpreter = Interpreter(str(written.integer_io), num_threads=1)  # as the session opens it
    interpreter.allocate_tensors()
    image, logits = ends(interpreter)
    pixels = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3)).astype(np.uint8)
    preprocessing = digits.metadata.preprocessing
    assert preprocessing.color_order == "RGB"
    images = np.stack([preprocessing.array(Image.fromarray(each)) for each in pixels])
    scale, zero_point = logits["quantization"]
    metadata = find_target("tflite").read_metadata(written.integer_io)
    session = TfliteSession(written.integer_io, 1, metadata=metadata)
    for each, expected in zip(pixels, session.run(images), strict=True):
        given = (each.astype(np.int16) - 128).astype(np.int8)
        interpreter.set_tensor(image["index"], given[None])
        interpreter.invoke()
        found = interpreter.get_tensor(logits["index"])[0].astype(np.float32)
        assert np.array_equal(scale * (found - zero_point), expected)


def test_only_a_file_that_takes_pixels_says_so(written):
    said = {name: find_target("tflite").read_metadata(path).pixels for name, path in vars(written).items()}
    assert said == dict.fromkeys(vars(written), "normalized") | {"integer_io": "raw"}


def test_integer_ends_read_the_digits(written, digits):
    ours, theirs = (run(path, digits.images) for path in (written.integer_io, written.int8))
    assert np.abs(ours - theirs).max() < 0.02 * np.abs(theirs).max()
    assert (ours.argmax(1) == np.array(digits.truth)).mean() >= 0.97


def test_integer_ends_before_a_stem_in_float_take_normalized_images(digits, tmp_path):
    stem = layers(digits.network)["features/stem/horizontal"]
    form = refine_stem(replace(digits.quantized, float_layers=frozenset(stem)))
    write(form, digits.metadata, tmp_path / "io.tflite", io="int8")
    write(form, digits.metadata, tmp_path / "float.tflite")
    assert find_target("tflite").read_metadata(tmp_path / "io.tflite").pixels == "normalized"
    image, _ = ends(opened(tmp_path / "io.tflite"))
    qparams = digits.quantized.tensor_qparams["image"]
    assert image["quantization"] == (pytest.approx(qparams.scale), qparams.zero_point)
    few = digits.images[:20]
    ours, theirs = (run(tmp_path / name, few) for name in ("io.tflite", "float.tflite"))
    assert agreement(ours, theirs) == 1
    assert cosine(ours, theirs) > 0.999


def test_three_images_at_a_time_give_the_same_answers(written, digits):
    image, logits = ends(opened(written.batch3))
    assert (image["shape"].tolist(), logits["shape"].tolist()) == ([3, 96, 96, 3], [3, 10])
    few = digits.images[:8]  # the last batch is not full
    ours, theirs = run(written.batch3, few), run(written.int8, few)
    assert ours.shape == theirs.shape == (8, 10)
    assert agreement(ours, theirs) == 1
    assert cosine(ours, theirs) > 0.999


def test_with_16_bits_it_is_close_to_the_network(written, digits):
    few = digits.images[:20]
    with torch.no_grad():
        expected = digits.network(torch.from_numpy(few)).numpy()
    logits, coarser = run(written.int16, few), run(written.int8, few)
    assert agreement(logits, expected) == 1
    assert cosine(logits, expected) > 0.9995
    assert np.abs(logits - expected).mean() < 0.5 * np.abs(coarser - expected).mean()


def test_a_mixed_file_computes_what_its_simulation_does(written, digits, mixed):
    found = operators(written.mixed)
    assert min(found["QUANTIZE"], found["DEQUANTIZE"]) > 5
    kinds = {each["dtype"] for each in opened(written.mixed).get_tensor_details()}
    assert kinds == {np.float32, np.int8, np.int32}
    few = digits.images[:40]
    logits, expected = run(written.mixed, few), simulated(mixed, few)
    assert agreement(logits, expected) >= 0.97
    assert cosine(logits, expected) > 0.999


@pytest.mark.parametrize("refined", [False, True], ids=["common form", "refined stem"])
def test_all_in_float_it_is_the_network(digits, refined, tmp_path):
    trained = replace(digits.quantized, network=digits.network)
    form = refine_stem(trained) if refined else trained
    names = frozenset(name for group in layers(form.network).values() for name in group)
    whole = replace(form, float_layers=names)
    write(whole, digits.metadata, tmp_path / "float.tflite")
    few = digits.images[:8]
    with torch.no_grad():
        expected = digits.network(torch.from_numpy(few)).numpy()
    assert np.abs(run(tmp_path / "float.tflite", few) - expected).max() < 1e-5 * np.abs(expected).max()
    assert operators(tmp_path / "float.tflite")["QUANTIZE"] == 0


# --- What it refuses


@pytest.mark.parametrize(
    ("settings", "error_line"),
    [
        ({"io": "int4"}, "--io int4: give float32 or int8"),
        ({"io": "int8", "precision": "int8-a16"}, "--io int8 is for --precision int8, not int8-a16"),
        ({"io": "int8", "precision": "float32"}, "--io int8 is for --precision int8, not float32"),
        ({"batch": None}, "a TFLite file has a fixed batch"),
    ],
    ids=str,
)
def test_a_spec_that_it_cannot_hold(refusal, digits, settings, error_line):
    spec = ExportSpec(SIZE, 1, naive=False, portable=False, metadata=digits.metadata, precision="int8")
    assert error_line in refusal(TargetError, find_target("tflite").check, replace(spec, **settings))
