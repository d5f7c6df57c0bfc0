"""`micronet-edge models`, and how fast the command line answers."""

import json
import subprocess
import sys

import pytest

FAMILY = ("m0", "m1", "m2", "m3")
HEAVY = ("torch", "numpy", "onnx", "onnxruntime", "tensorflow", "ai_edge_litert", "onnx2tf")


def test_the_table_shows_the_family(tool):
    ran = tool("models")
    assert (ran.code, ran.errors) == (0, "")
    assert all(f" {name} " in ran.output for name in FAMILY)


def test_json(tool):
    ran = tool("models", "--json")
    assert (ran.code, ran.errors) == (0, "")
    rows = json.loads(ran.output)
    assert tuple(row["variant"] for row in rows) == FAMILY
    for row in rows:
        assert 0 < row["conv_linear_madds"] < row["paper_convention_madds"]
        assert row["params"] > 1e6
        assert 40 < row["paper_top1_percent"] < 70


@pytest.mark.parametrize("command", [(), ("models",), ("export",), ("verify",)], ids=" ".join)
def test_help(tool, command):
    ran = tool(*command, "--help")
    assert (ran.code, ran.errors) == (0, "")
    assert "Usage: micronet-edge" in ran.output


def test_help_loads_no_heavy_library():
    code = f"import sys, micronet_edge.cli; print([name for name in {HEAVY} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"
