"""`micronet-edge models`, and how fast the command line answers."""

import ast
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

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


def loaded_by(*arguments):
    """The libraries that a command has loaded when it is done."""
    code = (
        "import sys, atexit, micronet_edge.cli\n"
        "atexit.register(lambda: print(sorted(sys.modules), file=sys.stderr))\n"
        f"sys.argv = ['micronet-edge', *{arguments!r}]\n"
        "micronet_edge.cli.main()"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ast.literal_eval(ran.stderr.splitlines()[-1]))


def test_counting_the_family_loads_no_compiler_and_no_runtime():
    # Torch's compiler alone takes as long to load as all the rest together.
    unwanted = {"torch._dynamo", "sympy", "onnx", "onnxruntime", "tensorflow", "ai_edge_litert", "onnx2tf"}
    assert not loaded_by("models") & unwanted


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_an_onnx_file_needs_no_tensorflow(precision, tmp_path):
    calibration = [] if precision == "float32" else ["--calibration", str(calibration_images(tmp_path))]
    found = loaded_by(
        "export", "m0", "--format", "onnx", "--precision", precision, *calibration, "--output", str(tmp_path)
    )
    assert list(tmp_path.glob("*.onnx"))
    assert "onnxruntime" in found
    assert not found & {"tensorflow", "onnx2tf", "ai_edge_litert"}


def calibration_images(folder):
    """A few noisy pictures, none like another."""
    images = folder / "images"
    images.mkdir()
    random = np.random.default_rng(0)
    for number in range(32):
        pixels = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((96, 96)).save(images / f"{number}.png")
    return images
