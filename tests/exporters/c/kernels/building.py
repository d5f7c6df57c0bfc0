"""Compilers and emulated boards for programs of kernels."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import pytest
from exporters.c.kernels.program import HEADERS

FIRMWARE = Path(__file__).parents[1] / "firmware"
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
ARM = ("-mthumb", "-mfloat-abi=hard")
CORTEX_M4 = (*ARM, "-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16")
CORTEX_M55 = (*ARM, "-mcpu=cortex-m55")


@dataclass(frozen=True)
class Board:
    machine: str
    flags: tuple[str, ...]


# A Cortex-M7 runs the code of a Cortex-M4.
BOARDS = {
    "cortex-m4": Board("mps2-an386", CORTEX_M4),
    "cortex-m7": Board("mps2-an500", CORTEX_M4),
    "cortex-m55": Board("mps3-an547", CORTEX_M55),
}


def needed(*tools):
    missing = [tool for tool in tools if which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


def compiled(command, output):
    """The output of a compiler, which may not even warn."""
    done = subprocess.run([*command, "-o", output], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:3000]
    return output


def compiled_for(flags, program, output):
    """An object file for a core."""
    command = ["arm-none-eabi-gcc", *flags, "-O2", "-std=c99", *WARNINGS, "-I", HEADERS, "-c", program]
    return compiled(command, output)


def linked(board, program, output):
    """A program for an emulated board from an object file."""
    command = [
        "arm-none-eabi-gcc", *board.flags, program, FIRMWARE / "start.S", FIRMWARE / "start.c",
        "-nostartfiles", "--specs=rdimon.specs", "-L", FIRMWARE, "-T", FIRMWARE / f"{board.machine}.ld",
        "-Wl,--no-warn-rwx-segments",
    ]  # fmt: skip
    return compiled(command, output)


def emulated(board, program):
    """The command that runs a program on an emulated board."""
    return [
        "qemu-system-arm", "-M", board.machine, "-nographic", "-monitor", "none", "-serial", "none",
        "-semihosting-config", "enable=on,target=native", "-kernel", program,
    ]  # fmt: skip
