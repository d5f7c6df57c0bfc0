"""The wheel holds what runs, and nothing else."""

import configparser
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest

REPOSITORY = Path(__file__).parents[1]
LIBRARIES = ("kernels", "training")
ROOTS = ("src", "exporters", "benchmarks")
CHECKPOINT = "micronet_edge/demo/m0-digits.safetensors"


def packaged(pattern):
    """The files of the three roots' packages, as a wheel names them."""
    return {
        str(path.relative_to(REPOSITORY / root))
        for root in ROOTS
        for package in (REPOSITORY / root).glob("micronet_edge*")
        for path in package.rglob(pattern)
        if ".egg-info" not in str(path) and "__pycache__" not in path.parts
    }


def built(folder, **environment):
    """The wheel made of a copy of the source, opened."""
    source = folder / "source"
    unwanted = (".*", "__pycache__", "*.egg-info", "build", "dist", "results")
    for name in (*ROOTS, "tests"):
        shutil.copytree(REPOSITORY / name, source / name, ignore=shutil.ignore_patterns(*unwanted))
    pictures = shutil.ignore_patterns(*unwanted, "data")  # what an example's own script writes
    shutil.copytree(REPOSITORY / "examples", source / "examples", ignore=pictures)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(REPOSITORY / name, source)
    isolation = ["--no-build-isolation"] if find_spec("setuptools") else []
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", *isolation, "-w", folder, source],
        check=True,
        env=os.environ | environment,
    )
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    with built(tmp_path_factory.mktemp("wheel")) as archive:
        yield archive


@pytest.fixture(scope="module")
def compiler_at_hand():
    if which("cmake") is None or which(os.environ.get("CXX", "c++")) is None:
        pytest.skip("needs CMake and a C++ compiler")


@pytest.mark.usefixtures("compiler_at_hand")
def test_it_holds_the_kernels_for_this_platform_and_any_python(wheel):
    names = (
        f"micronet_edge/kernels/libmicronet_edge_{library}-{platform.machine()}.so" for library in LIBRARIES
    )
    assert Path(wheel.filename).name.startswith("micronet_edge-")
    assert re.search(rf"-py3-none-\w+_{platform.machine()}\.whl$", wheel.filename)
    for name in names:
        assert wheel.getinfo(name).file_size < 200_000


def test_without_a_compiler_it_is_for_every_platform_and_holds_all_else(wheel, tmp_path):
    with built(tmp_path, CXX="no-such-compiler") as archive:
        assert archive.filename.endswith("-py3-none-any.whl")
        left = {name for name in wheel.namelist() if not name.endswith(".so") and ".dist-info" not in name}
        assert left <= set(archive.namelist())


@pytest.mark.parametrize("folder", ["deployment/apps", "kernels/native"])
def test_it_holds_the_sources_of_apps_and_kernels(wheel, folder):
    found = (REPOSITORY / "src" / "micronet_edge" / folder).rglob("*")
    sources = [path for path in found if path.is_file() and "__pycache__" not in path.parts]
    assert sources
    assert {str(path.relative_to(REPOSITORY / "src")) for path in sources} <= set(wheel.namelist())


def test_it_holds_every_module_of_the_three_roots_and_no_other(wheel):
    modules = {name for name in wheel.namelist() if name.endswith(".py")}
    assert modules == packaged("*.py")
    assert {name.split("/")[0] for name in modules} >= {"micronet_edge", "micronet_edge_onnx"}


@pytest.mark.parametrize("pattern", ["py.typed", "*.jpg", "*.png", "*.json", "*.c", "*.h", "*.ld"])
def test_it_holds_the_data_that_the_modules_read(wheel, pattern):
    assert packaged(pattern)
    assert packaged(pattern) <= set(wheel.namelist())


def test_it_holds_no_tests_examples_or_scripts(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert all(top.startswith("micronet_edge") for top in tops), tops
    assert not [name for name in wheel.namelist() if "test" in name or name.endswith(".pyc")]
    assert [name for name in wheel.namelist() if name.endswith(".safetensors")] == [CHECKPOINT]


def test_the_demo_finds_its_checkpoint_and_images_in_at_most_2_megabytes(wheel):
    example = REPOSITORY / "examples" / "digits" / "m0-digits.safetensors"
    assert wheel.read(CHECKPOINT) == example.read_bytes()
    own = [each for each in wheel.infolist() if each.filename.startswith("micronet_edge/demo/")]
    assert sum(each.file_size for each in own) <= 2_000_000


def test_it_brings_the_command_and_the_targets(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    points = configparser.ConfigParser()
    points.read_string(wheel.read(name).decode())
    assert points["console_scripts"]["micronet-edge"] == "micronet_edge.cli:main"
    assert dict(points["micronet_edge.targets"]) == {
        "onnx": "micronet_edge_onnx.target:TARGET",
        "tflite": "micronet_edge_tflite.target:TARGET",
        "c": "micronet_edge_c.target:TARGET",
    }


@pytest.mark.parametrize("file", ["LICENSE", "NOTICE"])
def test_it_carries_the_licences(wheel, file):
    (name,) = (name for name in wheel.namelist() if name.endswith(file))
    assert wheel.read(name) == (REPOSITORY / file).read_bytes()
