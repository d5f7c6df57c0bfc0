"""Estimates by the real Vela, on small files written here and on an int8 file of the tool."""

import json
import sys
from dataclasses import replace

import pytest
from ai_edge_litert import schema_py_generated as schema
from cli.command import TFLITE_FILE, shared_digits, shared_quantized
from ethosu.vela.architecture_features import Accelerator

from micronet_edge.errors import MicronetEdgeError, TargetError
from micronet_edge.quantization.qparams import QuantParams
from micronet_edge_bench.estimates.vela import NPUS, EstimateError, estimate
from micronet_edge_bench.estimates.vela_tables import Layer, fallbacks
from micronet_edge_tflite.writer.model_writer import ModelWriter

NPU = "ethos-u55-128"
SHAPE = (1, 8, 8, 16)
ODD = "a, 'b' \"c\" [bold] <d>; $(e) é"


@pytest.fixture(scope="session")
def int8(tmp_path_factory):
    return shared_quantized(tmp_path_factory) / "files" / "m0-digits-int8.tflite"


@pytest.fixture(scope="session")
def of_digits(int8):
    return estimate(int8, NPU)


def sum_file(path, *, qparams, name="sum"):
    """A file that adds its input to itself."""
    writer = ModelWriter()
    given, total = (writer.tensor(each, SHAPE, qparams) for each in ("image", name))
    add, options = schema.BuiltinOperator.ADD, schema.BuiltinOptions.AddOptions
    writer.operator(add, [given, given], [total], schema.AddOptionsT(), options)
    path.write_bytes(writer.content({"image": given}, {"sum": total}))
    return path


def test_the_npus_are_those_that_vela_compiles_for():
    assert sorted(NPUS) == sorted(Accelerator.member_list())


def test_the_figures_agree_with_each_other(of_digits):
    assert of_digits.kind == "estimate by Vela 5.2.0, not measured"
    assert of_digits.system_configuration == "Ethos_U55_High_End_Embedded"
    assert of_digits.memory_mode == "Shared_Sram"
    assert of_digits.seconds == pytest.approx(of_digits.cycles / of_digits.clock_hz)
    assert of_digits.inferences_per_second == pytest.approx(1 / of_digits.seconds)
    assert sum(layer.cycles for layer in of_digits.layers) == of_digits.cycles
    assert sum(layer.madds for layer in of_digits.layers) == pytest.approx(of_digits.madds, rel=1e-3)
    # The CPU has the image in float twice, before and after it is scaled; the NPU never needs as much.
    largest = max(layer.sram_bytes for layer in of_digits.layers)
    assert 0 < largest < of_digits.memory_bytes["sram"] == 2 * 96 * 96 * 3 * 4
    assert set(of_digits.memory_bytes) == {"sram", "off_chip_flash"}
    assert 0 < of_digits.compressed_weights_bytes < 2 * of_digits.weights_bytes


def test_what_falls_back_is_named_with_the_reason(of_digits):
    # The file takes and gives float: that is the CPU's work, and the rest is the NPU's.
    assert {each.operator for each in of_digits.fallbacks} >= {"QUANTIZE", "DEQUANTIZE"}
    assert all(each.reason for each in of_digits.fallbacks)
    assert of_digits.borders_fall_back
    assert not replace(of_digits, fallbacks=()).borders_fall_back
    quantize = next(each for each in of_digits.fallbacks if each.operator == "QUANTIZE")
    assert "unsupported DataType Float32" in quantize.reason
    names = [layer.name for layer in of_digits.layers if not layer.on_npu]
    assert names == [each.name for each in of_digits.fallbacks]
    on_npu = {layer.original for layer in of_digits.layers if layer.on_npu}
    assert {"Conv2D", "Maximum", "Add"} <= on_npu


def test_a_larger_npu_takes_fewer_cycles(int8):
    small, large = (estimate(int8, npu).npu_cycles for npu in ("ethos-u55-32", "ethos-u55-256"))
    assert large < small


def test_other_assumptions_are_named_and_count(int8, of_digits):
    slow = estimate(int8, NPU, system_configuration="Ethos_U55_Deep_Embedded", memory_mode="Sram_Only")
    assert (slow.system_configuration, slow.memory_mode) == ("Ethos_U55_Deep_Embedded", "Sram_Only")
    assert slow.clock_hz == 200e6
    assert slow.seconds > of_digits.seconds


def test_a_summary_goes_through_json(of_digits):
    values = json.loads(json.dumps(of_digits.summary(per_layer=True)))
    assert values["kind"] == of_digits.kind
    assert len(values["layers"]) == len(of_digits.layers)
    assert "layers" not in of_digits.summary(per_layer=False)


def test_names_of_files_and_layers_may_hold_anything(tmp_path):
    path = sum_file(tmp_path / "-a,b 'c' $(d).x.tflite", qparams=QuantParams(0.1, 3, 8), name=ODD)
    found = estimate(path, NPU)
    assert [(layer.name, layer.original, layer.on_npu) for layer in found.layers] == [(ODD, "Add", True)]
    assert found.file == path.name
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content", "error_line"),
    [
        pytest.param(b"", "is empty (0 bytes)", id="empty"),
        pytest.param(b"\x08\x00\x00\x00ONNX or so", "is not a TFLite file", id="foreign"),
        pytest.param(b"\x1c\x00\x00\x00TFL3" + bytes(range(200)), "Vela cannot compile", id="damaged"),
    ],
)
def test_a_file_that_is_no_model(refusal, tmp_path, content, error_line):
    path = tmp_path / "bad.tflite"
    path.write_bytes(content)
    assert error_line in refusal(MicronetEdgeError, estimate, path, NPU)


def test_a_truncated_file(refusal, tmp_path, int8):
    path = tmp_path / "short.tflite"
    path.write_bytes(int8.read_bytes()[: int8.stat().st_size // 2])
    assert "the file may be damaged, quantize again" in refusal(EstimateError, estimate, path, NPU)


def test_a_float_file_that_vela_refuses(refusal, tmp_path_factory):
    path = shared_digits(tmp_path_factory) / "files" / TFLITE_FILE
    error_line = refusal(EstimateError, estimate, path, NPU)
    assert "HARD_SWISH" in error_line
    assert "give an int8 file that `micronet-edge quantize` wrote" in error_line


def test_a_float_file_of_which_the_npu_takes_nothing(refusal, tmp_path):
    path = sum_file(tmp_path / "float.tflite", qparams=None)
    assert f"no operator of {path} would run on {NPU}" in refusal(EstimateError, estimate, path, NPU)


def test_unknown_names(refusal, tmp_path, int8):
    assert "does not exist" in refusal(TargetError, estimate, tmp_path / "none.tflite", NPU)
    assert "choose from ethos-u55-32, " in refusal(EstimateError, estimate, int8, "ethos-u99")
    for option, error_line in (
        (
            {"system_configuration": "Toaster"},
            "--system-config 'Toaster' is unknown: choose from Ethos_U55_D",
        ),
        ({"memory_mode": "Tape"}, "--memory-mode 'Tape' is unknown: choose from Sram_Only, "),
        ({"memory_mode": "Dedicated_Sram"}, "give another --system-config or --memory-mode"),
    ):
        assert error_line in refusal(EstimateError, estimate, int8, NPU, **option)


def test_without_vela_it_says_what_to_install(refusal, tmp_path, int8, monkeypatch):
    # A package of the same name in front of the installed one, without what Vela needs in it.
    (tmp_path / "ethosu").mkdir()
    (tmp_path / "ethosu" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "ethosu"]:
        monkeypatch.delitem(sys.modules, name)
    assert "pip install 'micronet-edge[npu]'" in refusal(EstimateError, estimate, int8, NPU)


def test_a_fallback_without_a_warning_has_no_reason():
    row = Layer("out", "Cast", "Passthrough", on_npu=False, cycles=0, madds=0, sram_bytes=0, utilization=0.0)
    (found,) = fallbacks(
        (row,), "Warning: something else\n\nWarning (x) operator: ADD, ofm: 'in'\nReason: no"
    )
    assert (found.name, found.operator, found.reason) == ("out", "Cast", None)
