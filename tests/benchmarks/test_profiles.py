"""Operators by layer and kind of layer, from names as the exporters write them and from real files."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from cli.command import ONNX_FILE, TFLITE_FILE, shared_digits

from micronet_edge_bench.layer_names import Kind, kind_of_operator, places
from micronet_edge_bench.profiles import layer_profile
from micronet_edge_bench.results import Operator, Profile
from micronet_edge_bench.runner.runtimes import runtime_for

BLOCK = "features/block4"
COEFFICIENTS, APPLICATION = Kind.COEFFICIENTS, Kind.APPLICATION

# By the operator and the name: the layer and the kind.
NAMED = [
    ("MUL", "pixels/scaled", "pixels/scaled", Kind.INPUT_OUTPUT),
    ("QUANTIZE", "pixels/integers", "pixels/integers", Kind.INPUT_OUTPUT),
    ("CONCATENATION", "pixels/framed/taller", "pixels/framed", Kind.STEM),
    ("CONV_2D", "features/stem/horizontal/conv/Conv", "features/stem", Kind.STEM),
    ("CONV_2D", f"{BLOCK}/expand/conv", f"{BLOCK}/expand", Kind.POINTWISE),
    ("Conv", f"{BLOCK}/project/conv/Conv_output_0_nchwc", f"{BLOCK}/project", Kind.POINTWISE),
    ("DEPTHWISE_CONV_2D", f"{BLOCK}/depthwise/vertical", f"{BLOCK}/depthwise", Kind.DEPTHWISE),
    ("ADD", f"{BLOCK}/depthwise/horizontal/border", f"{BLOCK}/depthwise", Kind.DEPTHWISE),
    ("ADD", f"{BLOCK}/residual", f"{BLOCK}/residual", Kind.RESIDUAL),
    ("Add", f"{BLOCK}/Add", f"{BLOCK}/residual", Kind.RESIDUAL),
    ("ADD", "Add_1", "residual", Kind.RESIDUAL),
    ("HARD_SWISH", "pool/swish/HardSwish", "pool", Kind.HEAD),
    ("FULLY_CONNECTED", "classifier/logits/linear", "classifier/logits", Kind.HEAD),
    ("HARD_SWISH", "logits", "logits", Kind.HEAD),
    ("RESHAPE", "flatten", "flatten", Kind.HEAD),
    ("DequantizeLinear", f"{BLOCK}/project/conv/rounded", f"{BLOCK}/project", Kind.ROUNDING),
    ("DequantizeLinear", "onnx::Conv_12_DequantizeLinear", "", Kind.ROUNDING),
    ("ReorderInput", "ReorderInput_token_3", "", Kind.LAYOUT),
    ("Transpose", f"{BLOCK}/project_shuffle/0/Transpose", f"{BLOCK}/project_shuffle", Kind.SHUFFLE),
    ("Softmax (NC)", "", "", Kind.OTHER),
]

# What follows the activation's name: as lowered to float, decomposed in TFLite's integers and in ONNX's.
FACTORS = [
    *("GlobalAveragePool", "squeeze/Conv_output_0", "Relu", "excite/Conv", "Add", "Clip", "Split"),
    *("mean", "squeezed", "fusion0_coefficient1", "fusion0_coefficient0/cut_low", "fusion1_matrix/placed0"),
    *("maximum/excite", "maximum/gate", "fusion0_mix/coefficients", "maximum/matrices", "Split_output_3"),
]
APPLIED = [
    *("Gather", "Slice_1", "Concat", "Mul", "Mul_3", "Add_1_output_0", "Max"),
    *("shift1_0_16", "shift1", "fusion0_product1", "fusion0_sum1", "maximum", "fusion0_mix/rows"),
    *("fusion0_mix/product", "maximum/shifted", "maximum/sums", "maximum/fusions", "maximum/largest"),
]


def operator(kind, output, median_ns=1000.0, index=0):
    return Operator(index, kind, output, median_ns, None)


@pytest.mark.parametrize(("kind", "output", "layer", "expected"), NAMED)
def test_a_name_tells_layer_and_kind(kind, output, layer, expected):
    (place,) = places([operator(kind, output)])
    assert (place.layer, place.kind) == (layer, expected)


@pytest.mark.parametrize("layer", [f"{BLOCK}/depthwise_activation", "act", "backbone/3/1", "mean"])
def test_dynamic_shift_max_makes_factors_and_applies_them(layer):
    found = places([operator("ANY", f"{layer}/{rest}") for rest in FACTORS + APPLIED])
    assert {place.layer for place in found} == {layer}
    assert [place.kind for place in found] == [COEFFICIENTS] * len(FACTORS) + [APPLICATION] * len(APPLIED)


def test_an_activation_without_a_mean_belongs_to_its_convolution():
    found = places(
        [
            operator("Clip", "features/block1/depthwise_activation/Clip"),
            operator("ADD", "features/block1/project_activation"),
        ]
    )
    assert [place.kind for place in found] == [Kind.DEPTHWISE, Kind.POINTWISE]


@pytest.mark.parametrize(
    ("name", "layer"), [("act/maximum", "act"), ("act", "act"), ("net/act/fusion0_sum1", "net/act")]
)
def test_a_fused_activation_of_any_name(name, layer):
    (place,) = places([operator("DynamicShiftMax3", name)])
    assert (place.layer, place.kind) == (layer, Kind.FUSED)


@pytest.mark.parametrize("layer", ["se", f"{BLOCK}/project_activation"])
def test_squeeze_and_excite_is_no_activation(layer):
    steps = "mean", "squeeze", "squeezed", "excite", "gate", "mul"
    kinds = {place.kind for place in places([operator("ANY", f"{layer}/{step}") for step in steps])}
    assert kinds.isdisjoint({COEFFICIENTS, APPLICATION})


def test_as_trained_the_factors_are_what_comes_before_the_first_product():
    layer = f"{BLOCK}/project_activation"
    factors = ["GlobalAveragePool", "Flatten", "squeeze/Gemm", "Relu", "excite/Gemm", "HardSigmoid", "Sub"]
    factors += ["Mul", "Split", "Unsqueeze_1", "Add", "Add_2"]
    applied = ["Gather", "Mul_1", "Mul_2", "Add_4", "Max"]
    found = places([operator("ANY", f"{layer}/{rest}_output_0") for rest in factors + applied])
    assert [place.kind for place in found] == [COEFFICIENTS] * len(factors) + [APPLICATION] * len(applied)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("CONV_2D", Kind.CONVOLUTION),
        ("QLinearConv", Kind.CONVOLUTION),
        ("FULLY_CONNECTED", Kind.CONVOLUTION),
        ("FusedGemm", Kind.CONVOLUTION),
        ("BATCH_MATMUL", Kind.CONVOLUTION),
        ("STRIDED_SLICE", Kind.MOVING),
        ("Unsqueeze", Kind.MOVING),
        ("RELU_0_TO_1", Kind.ELEMENTWISE),
        ("QLinearAdd", Kind.ELEMENTWISE),
        ("QLinearGlobalAveragePool", Kind.POOLING),
        ("MAX_POOL_2D", Kind.POOLING),
        ("QuantizeLinear", Kind.ROUNDING),
        ("ReorderOutput", Kind.LAYOUT),
        ("SOFTMAX", Kind.OTHER),
    ],
)
def test_an_operator_alone_tells_a_kind(name, kind):
    assert kind_of_operator(name) == kind


def test_totals_add_up_and_the_largest_comes_first():
    taken = {"expand/conv": 300.0, "expand_activation/mean": 100.0, "expand_activation/maximum": 500.0}
    operators = [operator("ANY", f"{BLOCK}/{name}", time) for name, time in taken.items()]
    found = layer_profile(Profile("by hand", 7, (*operators, operator("ReorderInput", "", 100.0))), 1100.0)
    assert (found.method, found.rounds, found.named, found.whole_ns) == ("by hand", 7, True, 1100.0)
    assert found.operators_ns == 1000.0
    assert (
        sum(each.median_ns for each in found.operators if each.kind in {COEFFICIENTS, APPLICATION}) == 600.0
    )
    assert [(total.name, total.median_ns, total.share, total.operators) for total in found.layers] == [
        (f"{BLOCK}/expand_activation", 600.0, 0.6, 2),
        (f"{BLOCK}/expand", 300.0, 0.3, 1),
    ]
    assert found.kinds[0] == replace(
        found.kinds[0], name=APPLICATION.value, median_ns=500.0, share=0.5, operators=1
    )
    assert sum(total.share for total in found.kinds) == pytest.approx(1)


def test_without_names_kinds_are_those_of_the_operators():
    operators = (operator("CONV_2D", "model_7/tf.nn.convolution"), operator("GATHER", "model_7/tf.gather;"))
    found = layer_profile(Profile("by hand", 1, operators), 1.0)
    assert not found.named
    assert found.layers == ()
    assert [one.kind for one in found.operators] == [Kind.CONVOLUTION, Kind.MOVING]


def test_a_profile_of_nothing_has_no_totals():
    found = layer_profile(Profile("by hand", 1, ()), 1.0)
    assert (found.operators_ns, found.layers, found.kinds) == (0, (), ())


def profiled(path):
    runtime = runtime_for(path)
    session = runtime.open(path, 1)
    values = runtime.profile(path, 1, np.zeros(session.input_shape, session.input_dtype), 3)
    return layer_profile(msgspec.convert({**values, "operators": [*values["operators"]]}, Profile), 1.0)


@pytest.fixture(scope="module", params=[ONNX_FILE, TFLITE_FILE])
def real(request, tmp_path_factory):
    path = shared_digits(tmp_path_factory) / "files" / request.param
    return path, profiled(path)


def test_every_operator_of_our_files_has_a_kind(real):
    _, found = real
    assert found.named
    assert all(one.kind is not Kind.OTHER for one in found.operators)
    assert all(one.layer for one in found.operators if one.kind is not Kind.LAYOUT)
    kinds = {one.kind for one in found.operators}
    assert kinds >= {Kind.STEM, Kind.POINTWISE, Kind.DEPTHWISE, COEFFICIENTS, APPLICATION, Kind.HEAD}


def test_factors_are_vectors_and_what_they_are_applied_to_are_maps(tmp_path_factory):
    path = shared_digits(tmp_path_factory) / "files" / TFLITE_FILE
    tensors = Interpreter(str(path)).get_tensor_details()
    pixels = {tensor["name"]: int(np.prod(tensor["shape"][1:3])) for tensor in tensors}
    shift_max = [one for one in profiled(path).operators if one.kind in {COEFFICIENTS, APPLICATION}]
    assert len(shift_max) > 100
    # Coefficients at their places in a matrix are no factors any more.
    factors = [one for one in shift_max if "_matrix" not in one.output]
    assert {(one.kind, pixels[one.output] == 1) for one in factors} == {
        (COEFFICIENTS, True),
        (APPLICATION, False),
    }
