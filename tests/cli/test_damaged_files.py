"""A damaged file ends in one line that names it, whatever it does to the runtime that opens it."""

import json
import shutil

import pytest
from ai_edge_litert import schema_py_generated as schema
from cli.command import DIGITS, ONNX_FILE, TFLITE_FILE, shared, shared_quantized
from example_images import digits as images

INT8_FILE = "m0-digits-int8.tflite"


@pytest.fixture(scope="session")
def quantized(tmp_path_factory):
    return shared_quantized(tmp_path_factory)


@pytest.fixture
def deadly(quantized, folder):
    """An int8 file with one bit turned: the length of a vector of scales, which LiteRT frees twice."""
    content = bytearray((quantized / "files" / INT8_FILE).read_bytes())
    graph = schema.Model.GetRootAs(bytes(content)).Subgraphs(0)
    tensors = [graph.Tensors(number) for number in range(graph.TensorsLength())]
    tensor_qparams = [tensor.Quantization() for tensor in tensors if tensor.Quantization() is not None]
    qparams = max(tensor_qparams, key=lambda qparams: qparams.ScaleLength())
    content[qparams._tab.Vector(qparams._tab.Offset(8)) + 3] |= 0x40
    (folder / INT8_FILE).write_bytes(content)
    for name in ("m0-digits-int8.recipe.json", "m0-digits-int8.recipe.safetensors"):
        shutil.copy(quantized / "files" / name, folder)
    return INT8_FILE


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    return shared(tmp_path_factory, "digit-images", images.write_images) / "test"


@pytest.mark.parametrize("command", ["evaluate", "verify", "bench", "sensitivity"])
def test_a_bit_that_kills_the_runtime(tool_here, deadly, quantized, data, command):
    calibration = ("--checkpoint", DIGITS, "--calibration", quantized / "calibration")
    more = {"evaluate": ("--data", data), "bench": ()}.get(command, calibration)
    ran = tool_here(command, deadly, *more)
    assert ran.code == 1
    error_line = ran.refusal()
    assert f"{deadly}: its runtime ended with signal" in error_line
    assert error_line.endswith("while opening it: the file is damaged or no network of ours: export it again")


def test_the_console_script_dies_of_nothing(tool, deadly, data):
    ran = tool("evaluate", deadly, "--data", data)
    assert ran.code == 1
    assert "its runtime ended with signal" in ran.refusal()
    assert ran.errors.count("\n") == 1


@pytest.mark.parametrize("name", [ONNX_FILE, TFLITE_FILE])
@pytest.mark.parametrize("command", ["evaluate", "verify", "count", "bench"])
def test_a_file_that_is_not_what_its_manifest_says(tool_here, digits, folder, data, command, name):
    content = bytearray((digits / name).read_bytes())
    content[len(content) // 2] ^= 1  # a weight's last bit: it runs, and hardly another answer shows
    (folder / name).write_bytes(content)
    shutil.copy(digits / f"{name}.manifest.json", folder)
    more = {"evaluate": ("--data", data), "verify": ("--checkpoint", DIGITS)}.get(command, ())
    ran = tool_here(command, name, *more)
    assert ran.code == 1
    assert f"{name} is not the file that was written" in ran.refusal()


def test_estimate_and_blame_look_at_the_manifest_as_well(tool_here, quantized, folder):
    for name in (INT8_FILE, f"{INT8_FILE}.manifest.json"):
        shutil.copy(quantized / "files" / name, folder)
    with (folder / INT8_FILE).open("ab") as file:
        file.write(b"x")
    for arguments in (
        ("estimate", INT8_FILE, "--npu", "ethos-u55-128"),
        ("sensitivity", INT8_FILE, "--checkpoint", DIGITS, "--calibration", quantized / "calibration"),
    ):
        ran = tool_here(*arguments)
        assert ran.code == 1
        assert f"{INT8_FILE} is not the file that was written" in ran.refusal()


def test_a_sound_file_beside_its_manifest(tool_here, digits):
    ran = tool_here("count", digits / ONNX_FILE, "--json")
    assert ran.code == 0, ran.errors
    assert json.loads(ran.output)["kind"] == "onnx"


@pytest.mark.parametrize("command", ["verify", "sensitivity"])
def test_a_checkpoint_of_a_name_that_no_file_can_have(tool_here, quantized, command):
    more = ("--calibration", quantized / "calibration") if command == "sensitivity" else ()
    file = quantized / "files" / "m0-digits-int8.onnx"
    said = tool_here(command, file, "--checkpoint", "a" * 300 + ".pth", *more).refusal()
    assert "cannot be read (File name too long): check the path" in said


def test_a_file_without_a_name(tool_here):
    said = tool_here("sensitivity", "", "--checkpoint", "none.pth", "--calibration", "none").refusal()
    assert "is a folder, not a file: give" in said
