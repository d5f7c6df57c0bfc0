"""ONNX files that take pixels or bytes, in either order, and give logits or probabilities."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from cli.command import DIGITS
from lowering.networks import lively, shift_max
from onnx.reference import ReferenceEvaluator
from quantized_digits import image_folder, quantized_digits
from torch import nn

from micronet_edge import ExportSettings, export, kernels, read_metadata
from micronet_edge.data.image_folders import CalibrationImages
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import GRAY, Preprocessing
from micronet_edge.errors import TargetError
from micronet_edge.lowering import INTEGER, lower
from micronet_edge.lowering.passes.round_to_half import with_half_weights
from micronet_edge.models import FactorizedStem, load_checkpoint
from micronet_edge.models.scores import with_softmax
from micronet_edge.quantization.quantize_network import calibrated_recipe, quantized_by
from micronet_edge.targets.protocol import Ends, ExportSpec
from micronet_edge.targets.registry import find_target
from micronet_edge.verification.outputs import FLOAT16_TOLERANCE, FLOAT32_TOLERANCE

TARGET = find_target("onnx")
SIZE, CLASSES = 16, 5
PREPROCESSING = Preprocessing(SIZE, SIZE, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PROBABILITY_TOLERANCE = 1e-4
INTEGER_TOLERANCE = {"int8": 0.021, "int8-a16": 2e-4}
"""Sums at a tie are rounded to either side: logits may be a level apart, and probabilities follow."""

INPUTS = [
    Ends(io, pixels, layout=layout)
    for (io, pixels), layout in product(
        [("float32", "normalized"), ("float32", "unit"), ("float32", "raw"), ("uint8", "normalized")],
        ["NCHW", "NHWC"],
    )
]
ENDS = [replace(ends, scores=scores) for ends, scores in product(INPUTS, ["logits", "softmax"])]
FORMS = pytest.mark.parametrize("portable", [False, True], ids=["onnxruntime", "portable"])


def called(ends: Ends) -> str:
    return "-".join(map(str, (ends.io, ends.pixels, ends.layout, ends.scores)))


@cache
def network(scores: str = "logits") -> nn.Module:
    """A stem as MicroNets have it, with borders that matter, and an activation for our kernels."""
    layers = [FactorizedStem(3, (4, 3)), shift_max(12, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten(1)]
    module = lively(nn.Sequential(*layers, nn.Linear(12, CLASSES)))
    return module if scores == "logits" else with_softmax(module)


@cache
def photos(preprocessing: Preprocessing = PREPROCESSING) -> np.ndarray:
    return preprocessing.batch(photographs())


def in_pytorch(module: nn.Module, images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return module(torch.from_numpy(images)).numpy()


def spec_of(ends: Ends, *, portable=False, precision="float32", batch=1, preprocessing=PREPROCESSING):
    labels = tuple(f"class {number}" for number in range(CLASSES))
    metadata = FileMetadata(
        "own", labels, preprocessing, None, precision=precision, portable=portable, scores=ends.scores
    )
    return ExportSpec(
        preprocessing.size,
        batch,
        naive=False,
        portable=portable,
        metadata=metadata,
        precision=precision,
        ends=ends,
    )


def written(module: nn.Module, spec: ExportSpec, path: Path) -> Path:
    probe = torch.from_numpy(photos(spec.metadata.preprocessing)[:1])
    lowered = lower(module, TARGET.pipeline(spec), probe).network
    TARGET.export(with_half_weights(lowered) if spec.precision == "float16" else lowered, spec, path)
    return path


def found_by(path: Path, images: np.ndarray) -> Iterator[np.ndarray]:
    """What the file gives in ONNX Runtime's own operators, and in our kernels, which take no 16 bits."""
    metadata = read_metadata(path)
    activations = kernels.library() is not None and metadata.precision != "int8-a16"
    for own, fused in (("off", 0), ("auto", activations)):
        session = TARGET.open(path, kernels=own)
        assert session.fused == fused
        assert TARGET.violations(session, session.operators(), metadata) == []
        (outputs,) = session.outputs(images)
        np.testing.assert_array_equal(outputs, session.run(images))
        yield outputs


def assert_near(found: np.ndarray, wanted: np.ndarray, tolerance: float) -> None:
    assert np.abs(found - wanted).max() <= tolerance * np.abs(wanted).max()


def first_operators(path: Path, count: int) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node[:count]]


@FORMS
@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("ends", ENDS, ids=called)
def test_a_float_file_of_any_ends_gives_what_pytorch_gives(ends, precision, portable, tmp_path):
    spec = spec_of(ends, portable=portable, precision=precision)
    path = written(network(ends.scores), spec, tmp_path / "net.onnx")
    wanted = in_pytorch(network(ends.scores), photos())
    for found in found_by(path, photos()):
        assert_near(found, wanted, FLOAT32_TOLERANCE if precision == "float32" else FLOAT16_TOLERANCE)


@pytest.mark.parametrize("batch", [3, None], ids=["three", "any"])
@pytest.mark.parametrize("ends", INPUTS, ids=called)
def test_more_images_at_a_time(ends, batch, tmp_path):
    path = written(network(), spec_of(ends, batch=batch), tmp_path / "net.onnx")
    (given,) = onnx.load(path).graph.input
    lengths = [each.dim_value or each.dim_param for each in given.type.tensor_type.shape.dim]
    assert lengths == [batch or "batch", *((3, SIZE, SIZE) if ends.layout == "NCHW" else (SIZE, SIZE, 3))]
    for found in found_by(path, photos()):
        assert_near(found, in_pytorch(network(), photos()), FLOAT32_TOLERANCE)


@cache
def recipe_of(scores: str, precision: str):
    decomposed = lower(network(scores), INTEGER, SIZE).network
    given = CalibrationImages(photos(), "photographs", "0" * 64, 0)
    metadata = spec_of(Ends(scores=scores), precision=precision).metadata
    return decomposed, calibrated_recipe(decomposed, given, metadata, precision)


def written_in_integers(spec: ExportSpec, path: Path) -> Path:
    decomposed, recipe = recipe_of(spec.ends.scores, spec.precision)
    TARGET.quantize(TARGET.quantized_graph(quantized_by(recipe, decomposed, spec.metadata)), spec, path)
    return path


@pytest.mark.parametrize("precision", ["int8", "int8-a16"])
@pytest.mark.parametrize("ends", ENDS, ids=called)
def test_an_integer_file_of_any_ends_gives_what_one_of_normalized_images_gives(ends, precision, tmp_path):
    plain = Ends(scores=ends.scores)
    own, other = (
        written_in_integers(spec_of(each, precision=precision), tmp_path / f"{number}.onnx")
        for number, each in enumerate((ends, plain))
    )
    for found, wanted in zip(found_by(own, photos()), found_by(other, photos()), strict=True):
        assert_near(found, wanted, INTEGER_TOLERANCE[precision])


@pytest.mark.parametrize("precision", ["float32", "float16", "int8", "int8-a16"])
def test_probabilities_are_made_in_float32_and_end_the_file(precision, tmp_path):
    spec = spec_of(Ends("uint8", scores="softmax"), precision=precision)
    write = (
        written_in_integers
        if precision.startswith("int8")
        else lambda *given: written(network("softmax"), *given)
    )
    model = onnx.load(write(spec, tmp_path / "net.onnx"))
    last = model.graph.node[-1]
    assert (last.op_type, list(last.output)) == ("Softmax", ["scores"])
    (scores,) = TARGET.open(tmp_path / "net.onnx").outputs(photos())
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-6)


STARTS = {
    ("float32", "normalized", "NCHW"): ["Concat", "Conv"],
    ("float32", "raw", "NCHW"): ["Add", "Concat", "Conv"],
    ("float32", "unit", "NHWC"): ["Reshape", "Add", "Concat", "Conv"],
    ("uint8", "normalized", "NCHW"): ["Cast", "Add", "Concat", "Conv"],
    ("uint8", "normalized", "NHWC"): ["Reshape", "Cast", "Add", "Concat", "Conv"],
}


@pytest.mark.parametrize(("start", "kinds"), STARTS.items(), ids=str)
def test_the_scale_of_pixels_is_in_the_weights_and_channels_last_move_no_number(start, kinds, tmp_path):
    io, pixels, layout = start
    ends = Ends(io, pixels, layout=layout)
    assert first_operators(written(network(), spec_of(ends), tmp_path / "a.onnx"), len(kinds)) == kinds
    file = written_in_integers(spec_of(ends, precision="int8"), tmp_path / "b.onnx")
    plain = [kind for kind in first_operators(file, len(kinds) + 4) if kind != "Cast"]
    assert plain[: len(kinds) - kinds.count("Cast")] == [kind for kind in kinds if kind != "Cast"]
    assert "Mul" not in plain


def test_a_portable_file_transposes_an_image_and_reshapes_a_grey_one(tmp_path):
    bytes_last = Ends("uint8", layout="NHWC")
    path = written(network(), spec_of(bytes_last, portable=True), tmp_path / "colour.onnx")
    assert first_operators(path, 4) == ["Transpose", "Cast", "Add", "Conv"]
    grey = Preprocessing(SIZE, SIZE, (0.0,), (1.0,), GRAY)
    module = lively(nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(1)))
    spec = spec_of(bytes_last, portable=True, preprocessing=grey)
    path = written(module, spec, tmp_path / "grey.onnx")
    assert first_operators(path, 3) == ["Reshape", "Cast", "Conv"]
    (found,) = TARGET.open(path, kernels="off").outputs(photos(grey))
    assert_near(found, in_pytorch(module, photos(grey)), FLOAT32_TOLERANCE)


class Branches(nn.Module):
    """Two convolutions and a sum read the image: none of them alone can take in its normalization."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 1, groups=3)

    def forward(self, x):
        return (self.one(x) + self.other(x) + x).mean((2, 3)), x.amax((2, 3))


@FORMS
@pytest.mark.parametrize("ends", INPUTS, ids=called)
def test_an_image_that_several_layers_read(ends, portable, tmp_path):
    module = lively(Branches())
    spec = spec_of(ends, portable=portable)
    signature = spec.metadata.interface
    outputs = tuple(replace(signature.outputs[0], name=name, shape=(3,)) for name in ("mean", "peak"))
    metadata = replace(spec.metadata, labels=(), signature=replace(signature, outputs=outputs))
    path = written(module, replace(spec, metadata=metadata), tmp_path / "net.onnx")
    found = TARGET.open(path, kernels="off").outputs(photos())
    wanted = [each.detach().numpy() for each in module(torch.from_numpy(photos()))]
    for ours, theirs in zip(found, wanted, strict=True):
        assert_near(ours, theirs, FLOAT32_TOLERANCE)


@pytest.mark.parametrize("ends", [ends for ends in ENDS if ends.scores == "softmax"], ids=called)
@FORMS
def test_onnxs_own_evaluator_gives_the_same(ends, portable, tmp_path):
    path = written(network(ends.scores), spec_of(ends, portable=portable), tmp_path / "net.onnx")
    image = TARGET.open(path).input_array(photos()[:1])
    (found,) = ReferenceEvaluator(str(path)).run(None, {"image": image})
    assert_near(found, in_pytorch(network(ends.scores), photos()[:1]), FLOAT32_TOLERANCE)


def test_a_session_feeds_the_bytes_of_the_photograph(tmp_path):
    path = written(network(), spec_of(Ends("uint8", layout="NHWC")), tmp_path / "net.onnx")
    session = TARGET.open(path)
    array = session.input_array(photos()[:1])
    assert (array.dtype, array.shape) == (np.uint8, (1, SIZE, SIZE, 3))
    decoded = [PREPROCESSING.pixels(photos()[:1]) * 255]
    np.testing.assert_allclose(array, decoded[0].transpose(0, 2, 3, 1), atol=1e-3)
    np.testing.assert_array_equal(session.prepared(photos()[:1])(), session.run(photos()[:1]))
    beyond = session.input_array(np.full((1, 3, SIZE, SIZE), 9, np.float32))
    assert beyond.min() == 255


def test_an_app_without_our_session_feeds_the_same_bytes(tmp_path):
    path = written(network(), spec_of(Ends("uint8", layout="NHWC")), tmp_path / "net.onnx")
    plain = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    pixels = np.rint(PREPROCESSING.pixels(photos()[:1]) * 255).astype(np.uint8).transpose(0, 2, 3, 1)
    (logits,) = plain.run(["logits"], {"image": np.ascontiguousarray(pixels)})
    assert_near(logits, in_pytorch(network(), photos()[:1]), FLOAT32_TOLERANCE)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_images_of_another_size_are_refused(layout, tmp_path, refusal):
    session = TARGET.open(written(network(), spec_of(Ends("uint8", layout=layout)), tmp_path / "net.onnx"))
    wrong = np.zeros((1, 3, SIZE, SIZE + 1), np.float32)
    for call in (session.run, session.outputs, session.input_array):
        assert f"[3, {SIZE}, {SIZE}]" in refusal(TargetError, call, wrong)


@pytest.mark.parametrize("ends", ENDS[::3], ids=called)
def test_what_is_new_is_counted(ends, tmp_path):
    count = TARGET.count(written(network(ends.scores), spec_of(ends), tmp_path / "net.onnx"))
    plain = TARGET.count(written(network(), spec_of(Ends()), tmp_path / "plain.onnx"))
    assert count.conv_linear_madds == plain.conv_linear_madds
    assert not count.uncounted


def test_the_digits_in_bytes(tmp_path):
    settings = ExportSettings(
        formats=("onnx",), output=tmp_path, io="uint8", layout="nhwc", scores="softmax", batch=None
    )
    (file,) = export(DIGITS, settings=settings)
    assert file.path.name == "m0-digits-float32-io-uint8-softmax-nhwc.onnx"
    assert file.proof.relative_difference < FLOAT32_TOLERANCE
    metadata = read_metadata(file.path)
    assert (metadata.io, metadata.pixels) == ("uint8", "raw")
    assert (metadata.scores, metadata.layout) == ("softmax", "NHWC")
    if kernels.library() is not None:
        assert TARGET.open(file.path).fused == 15
    images = load_checkpoint(DIGITS).preprocessing.batch(photographs())
    scores = TARGET.open(file.path).run(images)
    wanted = in_pytorch(with_softmax(load_checkpoint(DIGITS).network.eval()), images)
    assert np.abs(scores - wanted).max() < PROBABILITY_TOLERANCE


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("precision", ["int8", "int8-a16"])
def test_the_digits_in_integers_and_bytes(precision, layout, tmp_path, tmp_path_factory):
    quantized = quantized_digits(image_folder(tmp_path_factory), precision)
    found = []
    for ends in (Ends(), Ends("uint8", layout=layout)):
        spec = replace(spec_of(ends, precision=precision), metadata=quantized.metadata, input_size=96)
        TARGET.quantize(quantized.forms["onnx"], spec, tmp_path / "digits.onnx")
        found.append(TARGET.open(tmp_path / "digits.onnx").run(quantized.images))
    assert (found[0].argmax(1) == found[1].argmax(1)).mean() >= 0.99
    assert_near(found[1], found[0], 0.02)
    kinds = first_operators(tmp_path / "digits.onnx", 200)
    assert "Mul" not in kinds[: kinds.index("Conv")] or precision == "int8-a16"


REFUSED = {
    "int8 in float": (ExportSettings(io="int8"), "give uint8 or float32"),
    "pixels of bytes": (ExportSettings(io="uint8", pixels="raw"), "--pixels"),
    "naive": (ExportSettings(naive=True, io="uint8"), "--naive"),
    "unknown": (ExportSettings(io="uint16"), "float32, uint8 or int8"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_onnx_file_takes_is_refused_in_a_line(name, tmp_path, refusal):
    settings, named = REFUSED[name]
    settings = replace(settings, formats=("onnx",), output=tmp_path)
    assert named in refusal(TargetError, export, DIGITS, settings=settings)
    assert not list(tmp_path.iterdir())


def test_int8_input_of_an_int8_file_is_refused_with_the_way_out(refusal):
    message = refusal(TargetError, TARGET.check, spec_of(Ends("int8"), precision="int8"))
    assert "--io uint8" in message
    assert "--format tflite" in message


def test_channels_last_are_for_images(refusal):
    spec = spec_of(Ends(layout="NHWC"))
    signature = spec.metadata.interface
    row = replace(signature.inputs[0], shape=(7,))
    metadata = replace(spec.metadata, signature=replace(signature, inputs=(row,)))
    assert "--layout nhwc" in refusal(TargetError, TARGET.check, replace(spec, metadata=metadata))


def test_layers_that_are_converted_take_normalized_images_alone(tmp_path, refusal):
    class Unknown(nn.Module):
        def forward(self, x):
            return torch.cumsum(x, 1).mean((2, 3))

    for ends in (Ends("uint8"), Ends(pixels="raw"), Ends(layout="NHWC")):
        message = refusal(TargetError, TARGET.export, Unknown(), spec_of(ends), tmp_path / "net.onnx")
        assert "--io" in message
