"""What the tutorials tell a reader to type works as it stands there, in an empty folder with the examples.

Blocks of `sh` and `python` run in the order of the page. Blocks of `bash` do not: each needs a device, an
account or a download, and the line above says so. The board of the tutorial is a local sshd.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.devices.conftest import a_board

ROOT = Path(__file__).parents[2]
PAGES = {path.stem: path.read_text() for path in sorted((ROOT / "docs" / "tutorials").glob("*.md"))}
TUTORIALS = sorted(set(PAGES) - {"index"})
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
RUN, LEFT_OUT = ("sh", "python"), "bash"
BOARD = "ssh://pi@raspberrypi.local"
TOOLS = {
    "microcontroller": ("cc", "cmake", "arm-none-eabi-gcc", "qemu-system-arm"),
    "phone": ("unzip",),
}
SHOWS = {
    "photographs": [
        "top-1",
        "next: micronet-edge quantize",
        "m0-run-int8.tflite",
        "of 397 images in the folder of their class",
        "7 ",
    ],
    "fine-tune": ["its head of 20 classes is replaced", "top-1"],
    "board": ["m0-digits-int8.onnx", "3  3"],
    "microcontroller": ["Cortex-M4", "100% tests passed", "7 (score ", "not cycles"],
    "phone": ["softmax.tflite", "0\n1\n2\n", "build.gradle.kts"],
    "browser": ["m0-digits-float32.onnx", "index.html"],
    "own-network": ["digits-float32.onnx", "digits-int8.tflite", "top-1"],
    "int8-loss": ["are of class '1'", "int8-a16.tflite", "points"],
    "cluster": ["train-0003.tar", "epoch 2 of 2"],
}
"""What each tutorial prints, among other things."""


def blocks(text):
    return [(kind, code) for kind, code in BLOCK.findall(text) if kind in RUN]


def newcomer(folder):
    written = ("data", "__pycache__", "*-int8*", "*-float32*", "micronet_kernels*", "image.bin")
    firmware = Path("benchmarks", "micronet_edge_bench", "mcu", "firmware")
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns(*written))
    shutil.copytree(ROOT / firmware, folder / firmware)


def run(kind, code, folder):
    words = ["sh", "-e", "-c", code] if kind == "sh" else [sys.executable, "-c", code]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(
        words,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, (code, done.stdout, done.stderr)
    return f"{done.stdout}{done.stderr}"


def check(tutorial, folder, board=BOARD):
    if missing := [tool for tool in TOOLS.get(tutorial, ()) if shutil.which(tool) is None]:
        pytest.skip(f"needs {' and '.join(missing)}")
    newcomer(folder)
    printed = ""
    for kind, code in blocks(PAGES[tutorial]):
        printed += run(kind, code.replace(BOARD, board), folder)
    for shown in SHOWS[tutorial]:
        assert shown in printed, (shown, printed)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("tutorial", sorted(set(TUTORIALS) - {"board"}))
def test_a_tutorial_works_as_it_stands(tmp_path, tutorial):
    check(tutorial, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_tutorial_of_a_board_works_with_an_sshd(tmp_path, monkeypatch):
    """The board's python3 is the Python that runs us, which has the runtimes."""
    program = tmp_path / "bin" / "python3"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    program.chmod(0o755)
    with a_board(monkeypatch) as board:
        board.start(environment={"PATH": f"{program.parent}:{os.environ['PATH']}"})
        check("board", tmp_path, "ssh://board")


def test_every_tutorial_is_run():
    assert set(SHOWS) == set(TUTORIALS)
    for tutorial in TUTORIALS:
        assert len(blocks(PAGES[tutorial])) >= 2
        assert f"]({tutorial}.md)" in PAGES["index"]


def test_what_is_left_out_says_what_it_needs():
    for name, text in PAGES.items():
        fenced = [kind for kind, _ in BLOCK.findall(text)]
        assert set(fenced) <= {*RUN, LEFT_OUT}, name
        before = re.findall(r"^(.*)\n+```bash$", text, re.MULTILINE)
        assert len(before) == fenced.count(LEFT_OUT)
        assert all(line.startswith("Needs ") for line in before), (name, before)
