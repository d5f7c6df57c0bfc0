"""The microcontroller example: a network in C built with CMake, for this machine and for emulated cores."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli.command import CALIBRATED_ON, DIGITS, run, shared
from example_images import digits

from micronet_edge_bench.mcu import BOARDS, FIRMWARE

EXAMPLE = Path(__file__).parents[2] / "examples" / "microcontroller"
TOOLS = ("cmake", "arm-none-eabi-gcc", "qemu-system-arm")

RECORD = """
set(ESP_PLATFORM 1)
macro(idf_component_register)
  message(STATUS "registered ${ARGN}")
  return() # as ESP-IDF does in the script that reads a component's requirements
endmacro()
include(network/CMakeLists.txt)
"""


@pytest.fixture(scope="module")
def tools():
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        pytest.skip(f"needs {' and '.join(missing)}")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The example with the digits network in it, and an image of a seven."""

    def make(folder: Path) -> None:
        images = shared(tmp_path_factory, "digit-images", digits.write_images)
        paths = digits.image_paths("train", images)
        (folder / "calibration").mkdir()
        for path in paths[:: len(paths) // CALIBRATED_ON][:CALIBRATED_ON]:
            shutil.copy(path, folder / "calibration")
        copy_example(folder / "project")
        ran = run(
            *("export", DIGITS, "--format", "c", "--precision", "int8"),
            *("--calibration", "calibration", "--output", "project/network"),
            cwd=folder,
        )
        assert ran.code == 0, ran.errors
        seven = next(path for path in digits.image_paths("test", images) if digits.image_label(path) == 7)
        shutil.copy(seven, folder / "seven.png")

    return shared(tmp_path_factory, "microcontroller", make) / "project"


def copy_example(folder: Path) -> None:
    written = ("*.json", "*.safetensors", "*.zip", "m0*", "micronet_kernels*", "image.bin")
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(*written))


def printed(*command: object, cwd: Path) -> str:
    done = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow  # `test_readme.py` builds and runs it for a Cortex-M4
@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("core", [*BOARDS, ""])
def test_it_passes_its_own_test_and_reads_a_seven(project, tmp_path, core):
    written = printed(
        *(sys.executable, project / "image.py", project / "network" / "m0-digits-int8.c"),
        *(project.parent / "seven.png", project / "image.bin"),
        cwd=project,
    )
    assert written.endswith("image.bin: 27,648 bytes, 96 x 96 x 3, int8\n")
    printed("cmake", "-S", project, "-B", "build", f"-DCORE={core}", f"-DFIRMWARE={FIRMWARE}", cwd=tmp_path)
    printed("cmake", "--build", "build", cwd=tmp_path)
    assert "1/1 Test #1: m0-digits-int8_test" in printed("ctest", "--test-dir", "build", cwd=tmp_path)
    assert "\n7 (score " in printed("cmake", "--build", "build", "--target", "run", cwd=tmp_path)


def test_its_cores_are_those_of_the_bench():
    toolchain = (EXAMPLE / "arm-none-eabi.cmake").read_text()
    found = re.findall(
        r'CORE STREQUAL "(.*)"\)\n  set\(core_flags "(.*)"\)\n  set\(machine (.*)\)', toolchain
    )
    assert found == [(each.name, " ".join(each.core_flags), each.machine) for each in BOARDS.values()]


def test_without_a_network_it_says_how_to_write_one(tmp_path):
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    copy_example(tmp_path / "project")
    done = subprocess.run(
        ["cmake", "-S", "project", "-B", "build"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "micronet-edge export --format c" in " ".join(done.stderr.split())


def test_the_component_of_esp_idf_registers_networks_without_their_tests(tmp_path):
    """In CMake's script mode, in which ESP-IDF reads a component first."""
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    shutil.copytree(EXAMPLE / "network", tmp_path / "network", ignore=shutil.ignore_patterns("*.[ch]"))
    for name in ("m0.c", "m0.h", "m0_test.c", "micronet_kernels.h"):
        (tmp_path / "network" / name).write_text("")
    (tmp_path / "record.cmake").write_text(RECORD)
    told = printed("cmake", "-P", "record.cmake", cwd=tmp_path)
    assert told == f"-- registered SRCS;{tmp_path}/network/m0.c;INCLUDE_DIRS;.\n"
