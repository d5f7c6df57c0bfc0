"""The simulation gives a file's own logits, and gives others as soon as one of its roundings is left out.

Weights are random: what one rounding does to such a network grows from layer to layer.
"""

import hashlib

import numpy as np
import pytest
import torch

from micronet_edge import ExportSettings
from micronet_edge.data.image_folders import CalibrationImages
from micronet_edge.lowering import integer, lower
from micronet_edge.lowering.cost_model.tuning import INTEGER_COSTS
from micronet_edge.models.source import read_source
from micronet_edge.pipeline.job import export_spec
from micronet_edge.pipeline.quantized_graphs import corrected_forms
from micronet_edge.quantization import simulate, simulate_fused, stored_weights, xnnpack
from micronet_edge.quantization.fuse_activations import with_fused_activations
from micronet_edge.quantization.layer_outputs import decibels
from micronet_edge.quantization.operators import constants, convolution
from micronet_edge.quantization.qparams import bias_scales
from micronet_edge.quantization.quantize_network import calibrated_recipe
from micronet_edge.quantization.simulate import Simulation
from micronet_edge.targets.registry import find_target

SIZE = 64
ASKED_DB = 40
EXACT_DB = 100
"""What float32 makes of logits that are the same integers is closer by far."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The form of a random m0 in each format, its logits without and with kernels, and the images."""
    settings = ExportSettings(precision="int8", input_size=SIZE)
    origin = read_source("m0", None, settings)
    spec = export_spec(origin, settings)
    images = torch.randn(24, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1)).clamp(-2, 2).numpy()
    calibration = CalibrationImages(images[:8], "noise", hashlib.sha256(images).hexdigest(), 0)
    network = lower(origin.network, integer(INTEGER_COSTS), SIZE).network
    recipe = calibrated_recipe(network, calibration, origin.metadata, "int8", INTEGER_COSTS)
    targets = [find_target(name) for name in ("onnx", "tflite")]
    formed = corrected_forms(recipe, network, origin.metadata, targets, torch.from_numpy(calibration.images))
    found = {}
    for target in targets:
        path = tmp_path_factory.mktemp("exact") / f"m0{target.suffix}"
        form = formed.forms[target.name]
        target.quantize(form, spec, path)
        for fused in (False, True):
            session = target.open(path, kernels="auto" if fused else "off")
            own = with_fused_activations(form) if fused and session.fused else form
            found[target.name, fused] = own, session.run(images)
    return found, images


def simulated(form, images):
    with torch.no_grad():
        return Simulation(form)(torch.from_numpy(images)).numpy()


def closeness(files, name, fused):
    found, images = files
    form, logits = found[name, fused]
    noise = simulated(form, images) - logits
    return decibels(float(np.square(logits).sum()), float(np.square(noise).sum()))


@pytest.mark.parametrize("fused", [False, True])
def test_every_logit_is_that_of_the_tflite_file(files, fused):
    assert closeness(files, "tflite", fused) > EXACT_DB


@pytest.mark.parametrize("fused", [False, True])
def test_onnx_adds_real_numbers_in_an_order_of_its_own(files, fused):
    assert closeness(files, "onnx", fused) >= ASKED_DB


def same(values, *_):
    return values


def real_sum(levels, tensor_qparams, _result):
    return sum(each * qparams.scale for each, qparams in zip(levels, tensor_qparams, strict=True))


def real_coefficients(value, inner):
    return value.clamp(inner.low, inner.high) * (inner.inverse_scale or 1)


PLAIN, FUSED, ONNX = ("tflite", False), ("tflite", True), ("onnx", False)
LEFT_OUT = {
    "biases": (
        stored_weights,
        "bias_integers",
        lambda bias, *of: bias / bias_scales(*of),
        (PLAIN, FUSED, ONNX),
    ),
    "weights": (stored_weights, "_on_scales", same, (PLAIN, FUSED, ONNX)),
    "activations": (simulate, "rounded", same, (PLAIN, FUSED, ONNX)),
    "constants": (constants, "dequantized", same, (PLAIN, FUSED)),
    "factors of sums": (xnnpack, "integer_sum", real_sum, (PLAIN, FUSED)),
    "coefficients": (simulate_fused, "_kernel_tensor", real_coefficients, (FUSED,)),
    "halves": (convolution, "stored_in_halves", same, (ONNX,)),
    "weights of float layers": (convolution, "stored_in_int8", same, (ONNX,)),
}
"""What is put in the place of a rounding, and where it is one."""


@pytest.mark.parametrize(
    ("rounding", "form"),
    [(name, form) for name, (*_, forms) in LEFT_OUT.items() for form in forms],
    ids=str,
)
def test_a_rounding_left_out_is_seen(files, monkeypatch, rounding, form):
    found, _ = files
    if form == FUSED and not found[form][0].fused_layers:
        pytest.skip("this machine has no kernels")
    module, name, replacement, _ = LEFT_OUT[rounding]
    monkeypatch.setattr(module, name, replacement)
    assert closeness(files, *form) < (ASKED_DB if form == ONNX else EXACT_DB)
