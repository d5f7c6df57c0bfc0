"""What `micronet-edge estimate` prints: every part of it says that it is an estimate."""

import json

import pytest
from cli.command import TFLITE_FILE, names, shared_quantized

KIND = "estimate by Vela 5.2.0, not measured"
NPU = ("--npu", "ethos-u55-128")


@pytest.fixture(scope="session")
def int8(tmp_path_factory):
    return shared_quantized(tmp_path_factory) / "files" / "m0-digits-int8.tflite"


def test_a_summary_and_tables_within_80_columns(tool_here, int8, folder):
    ran = tool_here("estimate", int8, *NPU)
    assert ran.code == 0, ran.errors
    lines = [line.rstrip() for line in ran.output.splitlines()]
    assert max(map(len, lines)) <= 80
    assert lines[0] == f"m0-digits-int8.tflite on ethos-u55-128: {KIND}"
    assert "assumed   Ethos_U55_High_End_Embedded, Shared_Sram" in lines
    assert f"Operators on the NPU, {KIND}" in lines
    assert f"Operators on the CPU, {KIND}" in lines
    assert any(line.split()[:1] == ["DEQUANTIZE"] and "Unsupported opType" in line for line in lines)
    assert "with `micronet-edge quantize --io int8`" in lines[-1]
    assert ran.errors == ""
    assert names(folder) == []


def test_every_layer(tool_here, int8):
    ran = tool_here("estimate", int8, *NPU, "--per-layer")
    assert ran.code == 0, ran.errors
    assert max(len(line.rstrip()) for line in ran.output.splitlines()) <= 80
    assert f"Layers, {KIND}" in ran.output
    assert "on the CPU" in ran.output
    assert "features/block1/project/conv" in ran.output


def test_json_is_all_there_is_on_stdout(tool_here, int8):
    ran = tool_here("estimate", int8, "--npu", "ethos-u65-512", "--json", "--per-layer")
    assert (ran.code, ran.errors) == (0, "")
    values = json.loads(ran.output)
    assert values["kind"] == KIND
    assert (values["npu"], values["file"]) == ("ethos-u65-512", int8.name)
    assert sum(layer["cycles"] for layer in values["layers"]) == values["cycles"]


@pytest.mark.parametrize(
    ("file", "options", "error_line"),
    [
        (None, ("--npu", "toaster"), "unknown NPU 'toaster': choose from ethos-u55-32"),
        ("none.tflite", NPU, "none.tflite does not exist: check the path"),
        (TFLITE_FILE, NPU, "an Ethos-U computes in integers"),
        (None, (*NPU, "--memory-mode", "Tape"), "--memory-mode 'Tape' is unknown: choose from Sram_Only"),
    ],
    ids=["npu", "missing", "float", "memory"],
)
def test_a_refusal(tool_here, int8, digits, file, options, error_line):
    path = int8 if file is None else digits / file
    ran = tool_here("estimate", path, *options)
    assert ran.code == 1
    assert error_line in ran.refusal()


def test_without_an_npu_the_usage_is_wrong(tool, int8):
    ran = tool("estimate", int8)
    assert ran.code == 2
    assert "--npu" in ran.errors
