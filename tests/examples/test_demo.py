"""The demo: what a newcomer runs first does what it says, and fails in one line."""

import re
import shutil
import signal
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from micronet_edge import read_metadata
from micronet_edge.errors import VerificationError

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
FILES = ("m0-digits-float32.onnx", "m0-digits-float32.tflite")
RUNTIMES = ("PyTorch", "ONNX Runtime", "LiteRT")


@pytest.fixture
def clone(tmp_path):
    """A repository as it is after `git clone`: no images yet, no output."""
    folder = tmp_path / "examples" / "digits"
    folder.mkdir(parents=True)
    for name in ("demo.py", "images.py", "m0-digits.safetensors"):
        shutil.copy(DIGITS / name, folder)
    return tmp_path


@pytest.fixture
def demo(monkeypatch):
    monkeypatch.syspath_prepend(DIGITS)
    spec = spec_from_file_location("demo", DIGITS / "demo.py")
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "demo", module)  # where dataclasses look for their module
    spec.loader.exec_module(module)
    return module


def start(clone):
    return subprocess.Popen(
        [sys.executable, "-u", "examples/digits/demo.py"],
        cwd=clone,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def test_the_demo_shows_three_runtimes_reading_alike(clone):
    with start(clone) as process:
        output, errors = process.communicate()
    assert process.returncode == 0, errors

    rows = {line.split("│")[1].strip(): line for line in output.splitlines() if line.startswith("│ ")}
    right = {name: int(re.search(r"(\d+) \(", rows[name])[1]) for name in RUNTIMES}
    assert len(set(right.values())) == 1
    assert right["PyTorch"] >= 0.97 * 397
    assert all("397 (100.0%)" in rows[name] for name in RUNTIMES)
    for name in FILES:
        assert read_metadata(clone / "demo-output" / name).labels == tuple("0123456789")
    assert max(map(len, output[: output.index("The files")].splitlines())) <= 80

    # The first command that it tells a reader to try.
    verify = next(line for line in output.splitlines() if " verify " in line)
    said = subprocess.run(verify.split(), cwd=clone, check=True, capture_output=True, text=True)
    assert "same function" in said.stdout


def test_an_interrupted_demo_says_so_in_one_line(clone):
    with start(clone) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (130, "interrupted\n")
    assert not list(clone.glob("demo-output/*"))


def runtimes(demo, *answers):
    return [
        demo.Runtime(name, Path(name), np.zeros((2, 3, 8, 8), "float32"), len, np.array(list(given)))
        for name, given in zip(RUNTIMES, answers, strict=True)
    ]


def test_a_runtime_that_reads_otherwise_ends_the_demo(demo, refusal):
    demo.check_agreement(runtimes(demo, "71", "71", "71"))
    message = refusal(VerificationError, demo.check_agreement, runtimes(demo, "71", "71", "77"))
    assert message.startswith("LiteRT classifies 1 of 2 images differently from PyTorch")


def test_a_refused_export_ends_in_one_line(clone):
    (clone / "demo-output").write_text("in the way")
    with start(clone) as process:
        _, errors = process.communicate()
    assert process.returncode == 1
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1


def test_a_picture_keeps_the_digit_upright(demo):
    pixels = np.zeros((8, 8), np.uint8)
    pixels[0, 0] = pixels[1, 7] = pixels[6, 2] = pixels[7, 2] = 255
    assert demo.half_blocks(pixels).splitlines() == ["▀      ▄", " " * 8, " " * 8, "  █     "]


def test_every_runtime_is_timed_on_every_round(demo):
    asked = []
    timed = runtimes(demo, "71", "71", "71")
    for place, runtime in enumerate(timed):
        object.__setattr__(runtime, "run", lambda images, place=place: asked.append((place, images.shape)))
    taken = demo.latencies_ms(timed)
    assert taken.shape == (demo.ROUNDS, 3)
    assert (taken > 0).all()
    assert asked[:6] == [(place, (1, 3, 8, 8)) for place in (0, 1, 2, 2, 1, 0)]
