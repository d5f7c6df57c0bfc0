"""The demo: what a newcomer runs first does what it says in an empty folder, and fails in one line."""

import re
import signal

from cli.command import start

from micronet_edge import read_metadata

FILES = ("m0-digits-float32.onnx", "m0-digits-float32.tflite")
RUNTIMES = ("PyTorch", "ONNX Runtime", "LiteRT")


def test_it_shows_three_runtimes_reading_alike_and_what_to_try_next(tool_here, folder):
    ran = tool_here("demo")
    assert (ran.code, ran.errors) == (0, "")
    rows = {line.split("│")[1].strip(): line for line in ran.output.splitlines() if line.startswith("│ ")}
    right = {name: int(re.search(r"(\d+) \(", rows[name])[1]) for name in RUNTIMES}
    assert len(set(right.values())) == 1
    assert right["PyTorch"] >= 0.97 * 397
    assert all("397 (100.0%)" in rows[name] for name in RUNTIMES)
    assert max(map(len, ran.output[: ran.output.index("The files")].splitlines())) <= 80
    for name in FILES:
        assert read_metadata(folder / "demo-output" / name).labels == tuple("0123456789")

    said = [line.split() for line in ran.output.splitlines()]
    predict, verify = (next(line[1:] for line in said if name in line) for name in ("predict", "verify"))
    assert tool_here(*predict).output.splitlines()[0].endswith("7")
    assert "same function" in tool_here(*verify).output


def test_an_interrupted_demo_leaves_nothing_behind(folder):
    with start("demo", cwd=folder) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (130, "error: interrupted; nothing was written\n")
    assert not list(folder.glob("demo-output/*"))


def test_a_refused_export_ends_in_one_line(tool_here, folder):
    (folder / "demo-output").write_text("in the way")
    ran = tool_here("demo")
    assert ran.code == 1
    assert ran.errors.startswith("error: ")
    assert ran.errors.count("\n") == 1
