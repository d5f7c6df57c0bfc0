"""`doctor`, `--version`, completion and `python -m micronet_edge`, as a person runs them."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cli.command import TOOL
from sources_without_install import blocking, path_with_entry_points, python

COMMAND = "import sys; from micronet_edge.cli import main; sys.argv[0] = 'micronet-edge'; main()"
HIDDEN = {"torch", "tensorflow", "onnx2tf", "tf_keras"}
PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("light")
    return path_with_entry_points(folder / "site", blocking(folder / "hidden", HIDDEN))


def test_doctor_says_what_is_missing_and_what_installs_it(path):
    ran = python(COMMAND, "doctor", path=path)
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = [line.strip() for line in ran.stdout.splitlines()]
    place = lines.index("- [export]              lacks torch")
    assert lines[place + 1].startswith("checkpoints and C files; about ")
    assert lines[place + 2] == "pip install 'micronet-edge[export]'"
    assert any(line.startswith("+ onnxruntime ") for line in lines)
    assert "pip install 'micronet-edge[baseline]'" in lines


def test_doctor_prints_json_and_fails_where_something_is_broken(path, tmp_path):
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('cracked')")
    ran = python(
        COMMAND, "doctor", "--json", path=os.pathsep.join((path.split(os.pathsep)[0], str(tmp_path), path))
    )
    assert (ran.returncode, ran.stderr) == (1, "")
    found = {each["name"]: each for each in json.loads(ran.stdout)["runtimes"]}
    assert (found["onnxruntime"]["state"], found["onnxruntime"]["detail"]) == (
        "broken",
        "ImportError: cracked",
    )
    assert found["tensorflow"]["state"] == "missing"


def test_the_version_is_the_one_of_the_project(tool):
    ran = tool("--version")
    assert (ran.code, ran.output, ran.errors) == (0, f"micronet-edge {PROJECT['version']}\n", "")


def test_it_runs_as_a_module():
    ran = subprocess.run(
        [sys.executable, "-m", "micronet_edge", "--version"], capture_output=True, text=True, check=True
    )
    assert ran.stdout == f"micronet-edge {PROJECT['version']}\n"


@pytest.mark.parametrize(("words", "offered"), [("dem", "demo"), ("export --nai", "--naive")])
def test_a_shell_completes_commands_and_options(words, offered):
    line = f"micronet-edge {words}"
    asked = {
        "_MICRONET_EDGE_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")),
    }
    ran = subprocess.run([TOOL], env=os.environ | asked, capture_output=True, text=True, check=False)
    assert offered in ran.stdout.split()
