"""What `micronet-edge bench` prints and writes, and how it ends when it cannot."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from cli.command import ONNX_FILE, TFLITE_FILE, children_of, names, run, shared, start

from micronet_edge_bench.results import read_results

PATIENCE_S = 120
KEPT = "kept.json"
NOBODY = "ssh://127.0.0.1:9"
SHORT = ("--processes", "2", "--runs", "5", "--warmup", "10")


@pytest.fixture(scope="session")
def kept_once(tmp_path_factory, digits):
    def make(folder):
        ran = run("bench", digits / ONNX_FILE, digits / TFLITE_FILE, *SHORT, "--output", KEPT, cwd=folder)
        assert ran.code == 0, ran.errors

    return shared(tmp_path_factory, "bench-results", make) / KEPT


@pytest.fixture
def kept(kept_once, folder):
    """A results file in the folder where the command runs."""
    return Path(shutil.copy(kept_once, folder))


@pytest.mark.parametrize("columns", [80, pytest.param(120, marks=pytest.mark.slow)])
def test_tables_at_any_width(tool_here, digits, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    ran = tool_here("bench", digits / ONNX_FILE, digits / TFLITE_FILE, *SHORT)
    assert ran.code == 0, ran.errors
    lines = [line.strip() for line in ran.output.splitlines()]
    assert max(map(len, ran.output.splitlines())) <= columns
    assert lines[0] == "local"
    assert lines[2].split() == ["size", "median", "p90"]
    assert lines[3].split() == ["file", "MB", "ms", "ms", "spread", "speed"]
    onnx_row, tflite_row = (line.split() for line in lines[5:7])
    assert (onnx_row[0], onnx_row[-1]) == (ONNX_FILE, "baseline")
    assert tflite_row[0] == TFLITE_FILE
    low, high = (float(end) for end in tflite_row[-1].strip("()").split("-"))
    assert low <= float(tflite_row[-2]) <= high
    assert f"speed: speed-up over {ONNX_FILE}, with the 95 % interval" in lines
    text = " ".join(lines)
    assert "1 thread, 2 processes of 5 rounds" in text
    assert "local: with 2 of --processes the intervals of ratios are too narrow" in text


def test_a_file_in_two_runtimes_side_by_side(tool_here, digits):
    """LiteRT's interpreter is the baseline of its compiled model, which gives the same numbers."""
    both = ("--runtime", "litert", "--runtime", "litert-compiled", "--kernels", "off")
    ran = tool_here("bench", digits / TFLITE_FILE, *both, *SHORT, "--json")
    assert ran.code == 0, ran.errors
    plain, compiled = json.loads(ran.output)["runs"][0]["files"]
    assert [each["name"] for each in (plain, compiled)] == [
        f"{TFLITE_FILE} in litert",
        f"{TFLITE_FILE} in litert-compiled",
    ]
    assert [each["runtime"] for each in (plain, compiled)] == ["LiteRT", "LiteRT CompiledModel"]
    assert compiled["output_sha256"] == plain["output_sha256"]
    assert compiled["ratio"]["against"] == plain["name"]
    assert compiled["ratio"]["in_turn"]


def test_it_says_that_the_compiled_model_runs_no_kernels_of_ours(tool_here, digits):
    ran = tool_here("bench", digits / TFLITE_FILE, "--runtime", "litert-compiled", *SHORT)
    assert ran.code == 0, ran.errors
    text = " ".join(ran.output.split())
    assert "kernels: the runtimes' own" in text
    assert "LiteRT CompiledModel takes no delegate, so it runs LiteRT's own" in text


def test_json_is_all_there_is_on_stdout(tool_here, digits):
    ran = tool_here("bench", digits / TFLITE_FILE, "--against", digits / ONNX_FILE, *SHORT, "--json")
    assert ran.code == 0, ran.errors
    found = json.loads(ran.output)
    (measured,) = found["runs"]
    baseline, file = measured["files"]
    assert (baseline["name"], baseline["ratio"]) == (ONNX_FILE, None)
    assert (file["name"], file["variant"], file["runtime"]) == (TFLITE_FILE, "m0", "LiteRT")
    assert file["ratio"]["against"] == ONNX_FILE
    assert file["ratio"]["low"] <= file["ratio"]["times_as_fast"] <= file["ratio"]["high"]
    assert file["latency"]["count"] == 10
    assert [process["samples"] for process in file["processes"]] == [5, 5]
    assert measured["environment"]["cores"] >= 1


def test_results_are_kept_shown_again_and_compared_again(tool_here, kept):
    results = read_results(kept)
    assert [len(file.samples_ns) for _, file in results.rows()] == [2, 2]
    shown = tool_here("bench", kept)
    assert shown.code == 0, shown.errors
    assert "local, in " in shown.output
    assert f"speed-up over {ONNX_FILE}" in shown.output
    other = tool_here("bench", kept, "--against", TFLITE_FILE)
    assert f"speed-up over {TFLITE_FILE}" in other.output


def test_a_file_beside_its_like_in_older_results(tool_here, digits, kept, folder):
    ran = tool_here("bench", digits / TFLITE_FILE, "--against", "kept.json", *SHORT, "--output", "new.json")
    assert ran.code == 0, ran.errors
    text = " ".join(ran.output.split())
    assert (
        f"speed-up over {TFLITE_FILE} in kept.json, with the 95 % interval; measured in separate runs" in text
    )
    assert [file.name for _, file in read_results(folder / "new.json").rows()] == [TFLITE_FILE]
    assert read_results(kept).runs[0].source == ""


def test_a_device_that_fails_leaves_the_others_their_results(tool, digits, folder):
    command = ("bench", digits / ONNX_FILE, *SHORT, "--device", NOBODY, "--device", "local")
    ran = tool(*command, "--output", "results.json")
    assert ran.code == 1
    (line,) = [line for line in ran.errors.splitlines() if line.startswith("error: ")]
    assert line.startswith(f"error: {NOBODY}: ")
    assert ONNX_FILE in ran.output
    failed, measured = read_results(folder / "results.json").runs
    assert (failed.device, failed.error) == (NOBODY, line.removeprefix("error: "))
    assert (measured.device, len(measured.files)) == ("local", 1)


def test_where_every_device_fails_nothing_is_written(tool, digits, folder):
    ran = tool("bench", digits / ONNX_FILE, *SHORT, "--device", NOBODY, "--output", "results.json")
    assert ran.code == 1
    assert NOBODY in ran.refusal()
    assert names(folder) == []


@pytest.mark.parametrize("file", [ONNX_FILE, TFLITE_FILE])
def test_a_profile_names_kinds_and_operators(tool_here, digits, file):
    ran = tool_here("bench", digits / file, *SHORT, "--profile", "--kernels", "off")
    assert ran.code == 0, ran.errors
    assert "kernels: the runtimes' own" in ran.output
    assert max(len(line.rstrip()) for line in ran.output.splitlines()) <= 80
    assert "kind of layer" in ran.output
    assert "depthwise convolution" in ran.output
    operators = ran.output.partition("most expensive operators")[2].splitlines()[2:12]
    assert all(line.rstrip().endswith("%") for line in operators)


def test_a_page_and_results_are_written_beside_what_is_printed(tool_here, digits, folder):
    written = ("--output", "r.json", "--html", "r.html")
    ran = tool_here("bench", digits / ONNX_FILE, digits / TFLITE_FILE, *SHORT, *written)
    assert ran.code == 0, ran.errors
    assert names(folder) == ["r.html", "r.json"]
    assert ran.output.splitlines()[-2:] == ["results: r.json", "page: r.html"]
    page = (folder / "r.html").read_text()
    assert TFLITE_FILE in page
    assert tool_here("bench", "r.json", "--html", "again.html").code == 0
    assert TFLITE_FILE in (folder / "again.html").read_text()


def test_names_of_users_are_plain_text(tool_here, digits, folder):
    strange = folder / "[red]a 'b'; $(touch c) :smile:.onnx"
    strange.write_bytes((digits / ONNX_FILE).read_bytes())
    ran = tool_here("bench", strange, *SHORT)
    assert ran.code == 0, ran.errors
    assert "[red]a 'b'; $(touch c) :smile:" in ran.output
    assert names(folder) == [strange.name]


@pytest.mark.parametrize(
    ("arguments", "error_line"),
    [
        (("none.onnx",), "none.onnx does not exist: check the path"),
        (("none.json",), "none.json does not exist: check the path"),
        ((ONNX_FILE, ONNX_FILE), f"{ONNX_FILE} is given twice"),
        ((ONNX_FILE, "--device", "phone"), "is not a device: give local, ssh://"),
        ((ONNX_FILE, "--device", "local", "--device", "local"), "device local is given twice"),
        ((ONNX_FILE, "--input", "none"), "none does not exist: give a folder of images"),
        ((ONNX_FILE, "--output", "none/r.json"), "none is not a folder"),
        ((ONNX_FILE, "--html", "."), "is a folder: give the name of a file"),
        ((ONNX_FILE, "--against", "none.tflite"), "none.tflite does not exist: check the path"),
        ((ONNX_FILE, "--against", "old.json"), "old.json is a results file of version 0"),
        (("kept.json", "--against", "none.onnx"), "there is no none.onnx to compare with"),
        (("kept.json", "kept.json"), "a results file is given twice"),
        (
            (ONNX_FILE, "--runtime", "tensorrt"),
            "there is no runtime tensorrt: choose from onnxruntime, litert",
        ),
        ((ONNX_FILE, "--runtime", "litert-compiled"), "no file can run in litert-compiled"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
@pytest.mark.usefixtures("kept")
def test_a_refusal(tool_here, digits, folder, arguments, error_line):
    (folder / "old.json").write_text('{"version": 0, "runs": []}')
    before = names(folder)
    ran = tool_here("bench", *(digits / each if each == ONNX_FILE else each for each in arguments))
    assert ran.code == 1
    assert error_line in ran.refusal()
    assert names(folder) == before


@pytest.mark.usefixtures("kept")
def test_results_of_unlike_environments_are_refused(tool_here, folder):
    values = json.loads((folder / KEPT).read_text())
    values["runs"][0]["environment"]["cpu"] = "Cortex-A72"
    (folder / "board.json").write_text(json.dumps(values))
    ran = tool_here("bench", "kept.json", "board.json")
    assert ran.code == 1
    assert (
        "were measured in different environments and cannot be compared: CPU Cortex-A72 and" in ran.refusal()
    )


@pytest.mark.parametrize(
    "arguments",
    [
        (ONNX_FILE, "--threads", "0"),
        (ONNX_FILE, "--processes", "0"),
        (ONNX_FILE, "--runs", "0"),
        (ONNX_FILE, "--warmup", "-1"),
        (ONNX_FILE, "--seconds", "0"),
        (ONNX_FILE, "--seconds", "nan"),
        (ONNX_FILE, "--runs", "5", "--seconds", "1"),
        (ONNX_FILE, "--benchmark-model", "benchmark_model"),
        ("kept.json", "--output", "new.json"),
        (),
    ],
    ids=" ".join,
)
def test_wrong_usage(tool_here, arguments):
    ran = tool_here("bench", *arguments)
    assert ran.code == 2
    assert ran.output == ""


# A terminal sends Ctrl-C to the whole group, `kill` goes to the one process.
@pytest.mark.parametrize(
    ("number", "kill"), [(signal.SIGINT, os.killpg), (signal.SIGTERM, os.kill)], ids=["ctrl-c", "terminated"]
)
def test_an_interruption_ends_everything(digits, folder, temporary, number, kill):
    command = ("bench", digits / ONNX_FILE, "--seconds", "600", "--output", "results.json")
    with start(*command, cwd=folder, TMPDIR=str(temporary)) as process:
        end = time.monotonic() + PATIENCE_S
        while not (workers := list(running(temporary))):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        kill(process.pid, number)
        output, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 130
        while any(path.exists() for path in workers):
            assert time.monotonic() < end
            time.sleep(0.1)
    assert list(children_of(process.pid)) == []
    assert (output, errors.splitlines()[-1]) == ("", "error: interrupted; nothing was written")
    assert names(folder) == []


def running(temporary):
    """The worker processes of a runner that works below a folder for temporary files."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"--worker" in words and (process / "cwd").resolve().is_relative_to(temporary):
                yield process
        except OSError:  # ended meanwhile
            continue
