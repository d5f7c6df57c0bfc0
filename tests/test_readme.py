"""What the README and the pages of docs/ tell a reader to type works as it stands there."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import micronet_edge
from micronet_edge_bench.report.markdown import (
    baseline_rows,
    compiled_model_rows,
    family_float_rows,
    family_int8_rows,
    family_summary_rows,
)
from micronet_edge_bench.report.picture import picture
from micronet_edge_bench.results import read_results

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
README = (ROOT / "README.md").read_text()
PAGES = {path.stem: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
TEXT = "".join((README, *PAGES.values()))
"""The README comes first: the pages use the files of its quick start."""


def commands(text: str) -> list[str]:
    return "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).splitlines()


MICROCONTROLLER_TOOLS = ("cc", "cmake", "arm-none-eabi-gcc", "qemu-system-arm")
MICROCONTROLLERS = commands(PAGES["microcontrollers"])
COMMANDS = [
    line for text in (README, *PAGES.values()) if text != PAGES["microcontrollers"] for line in commands(text)
]
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
SHOWN = (
    "m0-digits-float32.onnx",
    "7 9",
    "features.block2 12 8 (1, 12, 12, 20)",
    "pets-float32.onnx True",
    "96 float32 normalized logits",
    "[1, 3, 96, 96] [ 1 96 96  3]",
    "heads-float32.onnx ['high [2, 20, 30]']",
    "3 9",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("newcomer")
    written = ("data", "__pycache__", "*-int8*", "*-float32*", "micronet_kernels*", "image.bin")
    firmware = Path("benchmarks", "micronet_edge_bench", "mcu", "firmware")
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns(*written))
    shutil.copytree(ROOT / firmware, folder / firmware)
    return folder


def run(command: list[str], folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def test_the_commands_of_the_readme_work_one_after_the_other(folder):
    assert len(commands(README)) == 4
    for line in commands(README):
        assert run(["sh", "-c", line], folder)


@pytest.mark.slow
def test_the_commands_of_all_pages_work_one_after_the_other(folder):
    assert len(COMMANDS) == 25
    for line in COMMANDS:
        if line.startswith("unzip") and shutil.which("unzip") is None:
            continue
        assert run(["sh", "-c", line], folder)


@pytest.mark.slow
def test_the_commands_for_microcontrollers_work_one_after_the_other(folder):
    if missing := [tool for tool in MICROCONTROLLER_TOOLS if shutil.which(tool) is None]:
        pytest.skip(f"needs {' and '.join(missing)}")
    printed = {line: run(["sh", "-c", line], folder) for line in MICROCONTROLLERS}
    assert len(printed) == 7
    assert "100% tests passed" in printed["ctest --test-dir build/cortex-m4"]
    assert "\n7 (score " in printed["cmake --build build/cortex-m4 --target run"]


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_the_python_works(folder, number):
    if "kernels" in PYTHON[number] and micronet_edge.kernels.library() is None:
        pytest.skip("the fused kernels were not built")
    assert SHOWN[number] in run([sys.executable, "-c", PYTHON[number]], folder)


def test_there_is_no_python_that_is_not_run():
    assert len(PYTHON) == len(SHOWN) == TEXT.count("import micronet_edge\n")


def test_the_table_of_the_family_is_what_the_command_prints(folder):
    printed = run(["micronet-edge", "models"], folder)
    for row in re.findall(
        r"^\| (m\d) \| ([\d.]+) M \| ([\d.]+) M \| ([\d.]+) M \| ([\d.]+) % \|$", README, re.MULTILINE
    ):
        line = next(line for line in printed.splitlines() if row[0] in line)
        shown = [float(number) for number in re.findall(r"\d+\.\d+", line)]
        assert shown == pytest.approx([float(figure) for figure in row[1:]], rel=0.005)


def test_the_tables_of_speeds_are_the_committed_result():
    results = read_results(RESULTS / "family.json")
    float_rows, int8_rows = list(family_float_rows(results)), list(family_int8_rows(results))
    assert (len(float_rows), len(int8_rows)) == (20, 20)
    for row in (*float_rows, *int8_rows):
        assert row in PAGES["speed"]
    for row in family_summary_rows(results):
        assert row in README


def test_the_table_of_the_compiled_model_is_the_committed_result():
    rows = list(compiled_model_rows(read_results(RESULTS / "compiled_model.json")))
    assert len(rows) == 6
    for row in rows:
        assert row in PAGES["speed"]


@pytest.mark.parametrize("suite", ["family", "baselines"])
def test_the_picture_of_speeds_is_of_the_committed_result(suite):
    drawn = (RESULTS / f"{suite}.svg").read_text()
    assert drawn == picture(read_results(RESULTS / f"{suite}.json"))


def test_the_table_of_baselines_is_the_committed_result():
    benchmarks = (ROOT / "benchmarks" / "README.md").read_text()
    rows = list(baseline_rows(read_results(RESULTS / "baselines.json")))
    assert len(rows) == 84
    for row in rows:
        assert row in benchmarks


def test_the_table_of_accuracies_is_the_committed_result():
    result = json.loads((RESULTS / "patches.json").read_text())
    for row in result["rows"]:
        assert accuracy_row(row) in PAGES["accuracy"]
    for variant in {row["variant"] for row in result["rows"]}:
        assert summary_row(result["rows"], variant) in README


def accuracy_row(row: dict) -> str:
    difference = row["difference"]
    low, high = difference["low"], difference["high"]
    runtime = {"onnx": "ONNX", "tflite": "TFLite"}[row["format"]]
    lost = f"{difference['points']:+.2f} ({low:+.2f} to {high:+.2f})"
    figures = f"{row['top1']['share']:.2%} | {lost} | {row['agreement']:.1%} | {row['size_bytes'] / 1e6:.2f}"
    return f"| {row['variant']} | {row['way']} | {runtime} | {figures} |"


def summary_row(rows: list[dict], variant: str) -> str:
    own = {(row["way"], row["format"]): row for row in rows if row["variant"] == variant}
    shown = [own["int8", "onnx"], own["int8", "tflite"], own["int8-a16", "tflite"]]
    top1 = shown[0]["float_top1"]["share"]
    points = (row["difference"] for row in shown)
    cells = [f"{each['points']:+.2f} ({each['low']:+.2f} to {each['high']:+.2f})" for each in points]
    return f"| {variant} | {top1:.2%} | {' | '.join(cells)} |"


def test_the_float_accuracies_are_the_committed_result():
    result = json.loads((RESULTS / "patches.json").read_text())
    readme = (ROOT / "examples" / "patches" / "README.md").read_text()
    for row in result["rows"]:
        top1 = row["float_top1"]
        figures = f"{top1['share']:.2%} | {top1['low']:.2%} to {top1['high']:.2%}"
        assert f"| {row['variant']} | {figures} |" in readme
        assert f"| {row['variant']} | {figures} |" in PAGES["accuracy"]


@pytest.mark.parametrize(
    "command",
    [
        *("export", "evaluate", "predict", "deploy", "quantize", "sensitivity", "count", "bench", "tune"),
        "estimate",
    ],
)
def test_a_page_names_no_option_that_its_command_lacks(folder, command):
    helped = run(["micronet-edge", command, "--help"], folder)
    options = re.findall(r"^\| `(--[a-z-]+)", PAGES[command], re.MULTILINE)
    assert options
    for option in options:
        assert option in helped


def test_the_page_on_training_names_no_option_that_train_lacks(folder):
    helped = run(["micronet-edge", "train", "--help"], folder)
    options = set(re.findall(r"--[a-z]+(?:-[a-z]+)*", PAGES["training"]))
    of_others = {"--calibration", "--data", "--labels"}  # of quantize and evaluate
    of_torchrun = {"--nnodes", "--nproc-per-node", "--rdzv-id", "--rdzv-backend", "--rdzv-endpoint"}
    of_slurm = {"--job-name", "--nodes", "--ntasks-per-node", "--gpus-per-node", "--cpus-per-task", "--time"}
    for option in options - of_others - of_torchrun - of_slurm:
        assert option in helped
    for option in re.findall(r"--[a-z]+(?:-[a-z]+)*", helped):
        assert option in options | {"--debug", "--help"}


def test_every_link_leads_somewhere():
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "CONTRIBUTING.md"):
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
            assert (path.parent / link).exists(), (path.name, link)
