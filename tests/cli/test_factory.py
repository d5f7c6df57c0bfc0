"""`file.py:name` with `--weights` stands on the command line wherever a checkpoint does."""

import json

import pytest
import torch
from cli.command import DIGITS, ONNX_FILE, run, shared, shared_digits, shared_quantized

from micronet_edge import read_metadata
from micronet_edge.models import load_checkpoint

OWN = ("--input-size", 96, "--resize", 96, "--weights", "m0.pth")
SAID = "· mine.py:net: importing mine.py, which runs its code"
SOURCE = """
from micronet_edge.models import MicroNet

def net():
    return MicroNet("m0", 10)
"""


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A person's file and weights, and int8 files that were made of them."""
    calibration = shared_quantized(tmp_path_factory) / "calibration"

    def make(folder):
        (folder / "mine.py").write_text(SOURCE)
        torch.save({"state_dict": load_checkpoint(DIGITS).network.state_dict()}, folder / "m0.pth")
        ran = run(
            *("quantize", "mine.py:net", *OWN, "--calibration", calibration, "--format", "onnx"),
            *("--output", "files"),
            cwd=folder,
        )
        assert ran.code == 0, ran.errors
        (folder / "stderr").write_text(ran.errors)

    return shared(tmp_path_factory, "own-network", make)


@pytest.fixture
def here(made, folder):
    """The file and the weights, where the command runs."""
    for name in ("mine.py", "m0.pth"):
        (folder / name).write_bytes((made / name).read_bytes())


FILE = "files/m0-int8.onnx"
WEIGHTS = ("--checkpoint", "mine.py:net", "--weights", "m0.pth")


def test_quantize_says_whose_code_runs_and_what_is_assumed(made):
    said = (made / "stderr").read_text()
    assert said.splitlines()[0] == SAID
    assert "ASSUMED: mine.py:net does not state how it was trained." in said
    assert read_metadata(made / FILE).variant == "net"


@pytest.mark.usefixtures("here")
def test_export_and_verify(tool_here, folder):
    ran = tool_here("export", "mine.py:net", *OWN, "--format", "onnx")
    assert ran.code == 0, ran.errors
    assert SAID in ran.errors
    assert json.loads((folder / "m0-float32.onnx.manifest.json").read_text())["input"]["weights"] == "m0.pth"
    ran = tool_here("verify", "m0-float32.onnx", *WEIGHTS)
    assert ran.code == 0, ran.errors
    assert "m0-float32.onnx: same function as mine.py:net on 5 images" in ran.output
    assert ran.errors.splitlines() == [SAID]
    ran = tool_here("verify", "m0-float32.onnx", "--checkpoint", "mine.py:net")
    assert ran.code == 1
    assert "m0-float32.onnx does not compute the same function" in ran.refusal()
    ran = tool_here("verify", "m0-float32.onnx", "--checkpoint", DIGITS, "--weights", "m0.pth")
    assert ran.code == 1
    assert f"{DIGITS} contains its own weights; give --weights FILE only with a factory" in ran.refusal()


@pytest.mark.usefixtures("here")
def test_verify_and_blame_an_int8_file(tool_here, made, tmp_path_factory):
    calibration = shared_quantized(tmp_path_factory) / "calibration"
    ran = tool_here("verify", made / FILE, *WEIGHTS, "--calibration", calibration)
    assert ran.code == 0, ran.errors
    ran = tool_here("sensitivity", made / FILE, *WEIGHTS, "--calibration", calibration, "--json")
    assert ran.code == 0, ran.errors
    assert json.loads(ran.output)["checkpoint"] == "mine.py:net"


@pytest.mark.usefixtures("here")
def test_evaluate(tool_here, tmp_path_factory):
    data = shared_quantized(tmp_path_factory).parent / "digit-images" / "test"
    ran = tool_here("evaluate", "mine.py:net", "--data", data, *OWN, "--json")
    assert ran.code == 0, ran.errors
    found = json.loads(ran.output)
    assert found["top1"]["share"] > 0.9
    file = shared_digits(tmp_path_factory) / "files" / ONNX_FILE
    ran = tool_here("evaluate", file, "--data", data, *WEIGHTS)
    assert ran.code == 0, ran.errors
    assert "mine.py:net on the same images: top-1 9" in ran.output
    assert "same class on 100.00% of the images" in ran.output
    ran = tool_here("evaluate", file, "--data", data, "--checkpoint", "mine.py:net")
    assert f"note: {file} was made from another checkpoint than mine.py:net" in ran.errors.replace("\n", " ")


@pytest.mark.usefixtures("here")
def test_count(tool_here):
    ran = tool_here("count", "mine.py:net", "--input-size", 96, "--weights", "m0.pth", "--json")
    assert ran.code == 0, ran.errors
    found, known = json.loads(ran.output), json.loads(tool_here("count", DIGITS, "--json").output)
    assert found["kind"] == "network"
    assert found["conv_linear_madds"] == known["conv_linear_madds"]
    ran = tool_here("count", "mine.py:net", "--input-size", 96)
    assert "this network" in ran.output


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "error_line"),
    [
        (("mine.py:other",), "mine.py has no function other: it has net"),
        (("mine.py:net", "--weights", "none.pth"), "none.pth does not exist"),
        (("mine.py:net", "--weights", "ema"), "--weights ema: mine.py:net is not a checkpoint"),
        ((DIGITS, "--weights", "m0.pth"), "is a checkpoint with its own weights"),
        (("nowhere:net",), "nowhere cannot be imported (ModuleNotFoundError: No module named 'nowhere')"),
    ],
)
def test_what_is_refused(tool_here, folder, arguments, error_line):
    ran = tool_here("export", *arguments, "--output", "out")
    assert ran.code == 1
    assert error_line in ran.refusal()
    assert not (folder / "out").exists()
