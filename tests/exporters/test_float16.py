"""Files whose weights are stored in float16, and computed with in float32."""

import json

import numpy as np
import onnx
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter
from cli.command import DIGITS, shared_digits
from torch import nn

from micronet_edge import ExportSettings, export, kernels, read_metadata
from micronet_edge.errors import LoweringError, SettingsError
from micronet_edge.lowering.passes.round_to_half import with_half_weights
from micronet_edge.models import load_checkpoint
from micronet_edge.pipeline.run import quantize
from micronet_edge.targets.registry import find_target
from micronet_edge.verification.outputs import FLOAT16_TOLERANCE
from micronet_edge.verification.prove import FileToProve, prove

FORMATS = ("onnx", "tflite")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The digits in both formats, by format."""
    settings = ExportSettings(output=tmp_path_factory.mktemp("half"), precision="float16")
    return {file.format: file for file in export(DIGITS, settings=settings)}


@pytest.fixture(scope="module")
def floats(tmp_path_factory):
    """The same as float32 files, as `export --json` tells of them."""
    told = json.loads((shared_digits(tmp_path_factory) / "stdout").read_text())
    return {file["format"]: file for file in told}


@pytest.mark.parametrize("format_", FORMATS)
def test_it_is_smaller_and_says_what_it_is(files, floats, format_):
    file = files[format_]
    assert file.path.name == f"m0-digits-float16.{format_}"
    assert read_metadata(file.path).precision == file.precision == "float16"
    # A TFLite file keeps what our kernels read of it in float32: a tenth to a fifth of the weights.
    assert file.size_bytes < (0.56 if format_ == "onnx" else 0.66) * floats[format_]["size_bytes"]


@pytest.mark.parametrize("format_", FORMATS)
def test_it_is_proven_and_differs_by_what_rounding_does(files, format_):
    proof = files[format_].proof
    assert 1e-5 < proof.relative_difference < FLOAT16_TOLERANCE / 10
    assert proof.top1_agreement == 1


@pytest.mark.parametrize("format_", FORMATS)
def test_the_kernels_find_as_much_to_do(files, floats, format_, tmp_path_factory):
    if kernels.library() is None:
        pytest.skip("the kernels were not built: there is no C++ compiler")
    target = find_target(format_)
    half, full = (
        target.open(path)
        for path in (files[format_].path, shared_digits(tmp_path_factory) / floats[format_]["path"])
    )
    assert half.fused == full.fused > 10
    image = np.random.default_rng(0).standard_normal((1, 3, 96, 96)).astype(np.float32)
    plain = target.open(files[format_].path, kernels="off").run(image)
    assert np.abs(half.run(image) - plain).max() < 1e-4 * np.abs(plain).max()


def test_xnnpack_takes_it_in_one_piece_and_onnx_runtime_converts_weights_once(files):
    assert find_target("tflite").open(files["tflite"].path, kernels="off").partitions() == 1
    model = onnx.load(files["onnx"].path)
    halves = {each.name for each in model.graph.initializer if each.data_type == onnx.TensorProto.FLOAT16}
    casts = [node for node in model.graph.node if node.op_type == "Cast"]
    assert {node.input[0] for node in casts} == halves
    assert len(halves) > 30


def test_weights_are_float16_and_activations_float32(files):
    kinds = {
        each["name"]: each["dtype"] for each in Interpreter(str(files["tflite"].path)).get_tensor_details()
    }
    assert {kind for name, kind in kinds.items() if name.endswith("/halves")} == {np.float16}
    others = {kind for name, kind in kinds.items() if not name.endswith("/halves")}
    assert others == {np.float32, np.int32}


@pytest.mark.parametrize("format_", FORMATS)
def test_it_is_counted_like_the_float32_file(files, floats, format_, tmp_path_factory):
    target = find_target(format_)
    ours = target.count(files[format_].path)
    theirs = target.count(shared_digits(tmp_path_factory) / floats[format_]["path"])
    assert ours.conv_linear_madds == theirs.conv_linear_madds
    assert ours.total.params == theirs.total.params
    assert ours.uncounted == {}


def test_it_can_be_proven_again(files):
    path, target = files["onnx"].path, find_target("onnx")
    proof = prove(FileToProve(path, target, read_metadata(path)), load_checkpoint(DIGITS).network)
    assert proof.difference == files["onnx"].proof.difference


def test_quantize_says_which_command_writes_it(refusal, tmp_path):
    settings = ExportSettings(precision="float16", calibration=tmp_path, output=tmp_path)
    error_line = refusal(SettingsError, quantize, DIGITS, settings=settings)
    assert error_line.endswith("float16 is written by `export --precision float16`")


def test_no_usual_tool_writes_it(refusal, tmp_path):
    settings = ExportSettings(precision="float16", naive=True, output=tmp_path)
    assert "no usual converter writes float16" in refusal(SettingsError, export, DIGITS, settings=settings)


def test_an_unknown_precision_names_all_that_are_known(refusal, tmp_path):
    error_line = refusal(
        SettingsError, export, DIGITS, settings=ExportSettings(precision="half", output=tmp_path)
    )
    assert error_line == "unknown precision 'half': choose from float32, float16, int8, int8-a16"


# --- The rounding


def linear(weight):
    network = nn.Linear(16, 8)
    with torch.no_grad():
        network.weight.fill_(weight)
        network.weight[:, 0] = weight / 3
    return network


def test_each_weight_is_the_nearest_that_float16_holds():
    network = linear(1.0)
    rounded = with_half_weights(network)
    assert torch.equal(rounded.weight, network.weight.half().float())
    assert not torch.equal(rounded.weight, network.weight)
    assert torch.equal(rounded.bias, network.bias)


def test_what_float16_would_keep_too_little_of_stays():
    network = linear(1e-7)
    assert torch.equal(with_half_weights(network).weight, network.weight)


def test_a_weight_beyond_float16_is_refused(refusal):
    error_line = refusal(LoweringError, with_half_weights, nn.Sequential(linear(1e5)))
    assert error_line == (
        "0/weight: a weight of 1e+05 lies beyond float16, which ends at 65504: export it with "
        "--precision float32"
    )
