"""One file that runs anywhere, and a folder with all that it needs."""

import ast
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from kernels.small_networks import network, write_float

import micronet_edge_bench.runner
from micronet_edge import kernels
from micronet_edge.errors import OutputError, SettingsError, TargetError
from micronet_edge_bench.packing import FileToMeasure, pack, write_runner
from micronet_edge_bench.runner.plan import Settings, read_plan

ROOT = Path(micronet_edge_bench.runner.__file__).parent
ALLOWED = {"numpy", "onnxruntime", *sys.stdlib_module_names}


def sources():
    return sorted(path for path in ROOT.rglob("*.py") if "__pycache__" not in path.parts)


@pytest.fixture
def file(tmp_path):
    """A file to measure; nobody looks into it here."""

    def call(name="m0.onnx", goes_by="m0.onnx"):
        path = tmp_path / "given" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"content")
        return FileToMeasure(goes_by, path, np.zeros((1, 3, 2, 2), np.float32))

    return call


@pytest.fixture
def folder(tmp_path):
    """Where to pack into."""
    path = tmp_path / "packed"
    path.mkdir()
    return path


def test_all_that_is_named_lies_there_and_nothing_else(folder, file):
    packed = pack(folder, [file(), file("m1.tflite", "m1")], Settings(rounds=3, threads=2))
    assert sorted(packed.names) == sorted(path.name for path in folder.iterdir())
    plan = read_plan(folder / "plan.json")
    assert plan.settings == Settings(rounds=3, threads=2)
    assert [each.name for each in plan.files] == ["m0.onnx", "m1"]
    for each in plan.files:
        assert each.path.read_bytes() == b"content"
        array = np.load(each.input)
        assert (array.dtype, array.shape) == (np.float32, (1, 3, 2, 2))


@pytest.mark.skipif(kernels.library() is None, reason="the kernels were not built")
def test_a_file_for_our_kernels_holds_their_nodes_and_the_operators_for_who_lacks_them(folder, tmp_path):
    path, array = write_float(network(), "onnx", tmp_path), np.zeros((1, 3, 8, 8), np.float32)
    forms = [FileToMeasure("plain", path, array), FileToMeasure("fused", path, array, kernels="auto")]
    pack(folder, forms, Settings(rounds=1))
    plain, fused = (onnx.load(each.path) for each in read_plan(folder / "plan.json").files)
    assert [len(model.functions) for model in (plain, fused)] == [0, 1]
    assert [node.domain for node in fused.graph.node].count("micronet_edge") == 1


@pytest.mark.parametrize("name", ["a b.onnx", "$(id);'.onnx", '"`.onnx', "-rf.onnx", "ü\n.onnx", "..onnx"])
def test_names_are_harmless_whatever_a_file_is_called(folder, file, name):
    packed = pack(folder, [file(name, name)], Settings(rounds=1))
    assert all(each.isascii() and each[0] not in "-." for each in packed.names)
    assert not set("".join(packed.names)) & set(" $();'\"`\n/")
    (planned,) = read_plan(folder / "plan.json").files
    assert planned.name == name
    assert planned.path.suffix == ".onnx"


def test_files_of_one_name_in_two_folders(folder, file, tmp_path):
    first = file()
    other = tmp_path / "m0.onnx"
    other.write_bytes(b"other")
    pack(folder, [first, FileToMeasure("naive", other, first.array)], Settings(rounds=1))
    assert [each.path.read_bytes() for each in read_plan(folder / "plan.json").files] == [
        b"content",
        b"other",
    ]


def test_a_name_given_twice(folder, file, refusal):
    error_line = refusal(SettingsError, pack, folder, [file(), file("m1.onnx")], Settings(rounds=1))
    assert "m0.onnx" in error_line


@pytest.mark.parametrize("settings", [Settings(), Settings(rounds=1, threads=0), Settings(seconds=-1)])
def test_settings_that_make_no_sense(folder, file, refusal, settings):
    refusal(SettingsError, pack, folder, [file()], settings)
    assert list(folder.iterdir()) == []


def test_a_file_that_is_not_there(folder, file, refusal):
    given = file()
    given.path.unlink()
    assert "m0.onnx" in refusal(TargetError, pack, folder, [given], Settings(rounds=1))
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path, file, refusal):
    assert "nowhere" in refusal(OutputError, pack, tmp_path / "nowhere", [file()], Settings(rounds=1))


def test_the_runner_holds_its_own_modules_and_nothing_else(folder):
    write_runner(folder / "runner.pyz")
    with zipfile.ZipFile(folder / "runner.pyz") as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    ours = {f"micronet_edge_bench/runner/{path.relative_to(ROOT)}" for path in sources()}
    assert names == {"__main__.py", "micronet_edge_bench/__init__.py", *ours}


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_device_need_have_nothing_but_an_old_python_numpy_and_a_runtime(path):
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert {alias.name.partition(".")[0] for alias in node.names} <= ALLOWED
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            package = node.module.partition(".")[0]
            assert package in ALLOWED or node.module.startswith("micronet_edge_bench.runner")


def run(folder, *flags):
    command = [sys.executable, *flags, "runner.pyz", "--facts"]
    return json.loads(subprocess.run(command, cwd=folder, check=True, capture_output=True).stdout)


def test_it_says_what_there_is_to_measure_with(folder):
    write_runner(folder / "runner.pyz")
    found = run(folder, "-I")
    assert set(found["runtimes"]) == {"ONNX Runtime", "LiteRT", "LiteRT CompiledModel"}
    assert found["runtimes"]["ONNX Runtime"] == found["packages"]["onnxruntime"]
    assert len(found["load_average"]) == 3


def test_it_says_so_where_nothing_is_installed(folder):
    write_runner(folder / "runner.pyz")
    found = run(folder, "-I", "-S")
    assert (found["runtimes"], found["packages"]) == ({}, {})
    assert found["cpu"]


@pytest.mark.parametrize("arguments", [[], ["--what"], ["plan.json", "other.json"]])
def test_wrong_usage(folder, arguments):
    write_runner(folder / "runner.pyz")
    command = [sys.executable, "-I", "runner.pyz", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "usage: runner.pyz PLAN.json | --facts\n"
