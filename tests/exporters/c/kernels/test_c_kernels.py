"""Every instruction set computes what the reference in Python computes, bit for bit."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import pytest
from exporters.c.kernels.program import HEADERS, differences, printed, written
from exporters.c.kernels.shapes import all_calls

FIRMWARE = Path(__file__).parents[1] / "firmware"
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
DIRECT_EVERY = 6
"""Of so many calls one sees constant arguments, as in a generated file."""


@dataclass(frozen=True)
class Board:
    machine: str
    flags: tuple[str, ...]


BOARDS = {
    "cortex-m4": Board("mps2-an386", ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16")),
    "cortex-m7": Board("mps2-an500", ("-mcpu=cortex-m7", "-mfpu=fpv5-d16")),
    "cortex-m55": Board("mps3-an547", ("-mcpu=cortex-m55", "-mfpu=auto")),
}


@pytest.fixture(scope="session")
def calls():
    return all_calls()


@pytest.fixture(scope="session")
def program(calls, tmp_path_factory):
    path = tmp_path_factory.mktemp("kernels") / "calls.c"
    written(calls, path, lambda number: number % DIRECT_EVERY == 0)
    return path


def needed(*tools):
    missing = [tool for tool in tools if which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


def compiled(command, output):
    done = subprocess.run([*command, "-o", output], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:3000]
    return output


def built_for(board, program, folder):
    """The program for an emulated board."""
    command = [
        "arm-none-eabi-gcc", *board.flags, "-mthumb", "-mfloat-abi=hard", "-O2",
        "-std=gnu99", *WARNINGS,
        "-I", HEADERS, program, FIRMWARE / "start.S", FIRMWARE / "start.c", "-nostartfiles",
        "--specs=rdimon.specs",
        "-L", FIRMWARE, "-T", FIRMWARE / f"{board.machine}.ld", "-Wl,--no-warn-rwx-segments",
    ]  # fmt: skip
    return compiled(command, folder / "calls.elf")


def emulated(board, program):
    """The command that runs a program on an emulated board."""
    return [
        "qemu-system-arm", "-M", board.machine, "-nographic", "-monitor", "none", "-serial", "none",
        "-semihosting-config", "enable=on,target=native", "-kernel", program,
    ]  # fmt: skip


def test_portable_kernels_equal_the_reference(calls, program, tmp_path):
    needed("cc")
    command = ["cc", "-O2", "-std=c99", *WARNINGS, "-I", HEADERS, program]
    assert differences(calls, printed([compiled(command, tmp_path / "calls")])) == []


@pytest.mark.parametrize("name", BOARDS)
def test_cortex_m_kernels_equal_the_reference(calls, program, tmp_path, name):
    needed("arm-none-eabi-gcc", "qemu-system-arm")
    board = BOARDS[name]
    found = differences(calls, printed(emulated(board, built_for(board, program, tmp_path))))
    assert found == []


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_sanitizers_find_nothing(calls, program, tmp_path, compiler):
    needed(compiler)
    command = [
        compiler, "-O1", "-std=c99", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", *WARNINGS,
        "-I", HEADERS, program,
    ]  # fmt: skip
    assert differences(calls, printed([compiled(command, tmp_path / "calls")])) == []
