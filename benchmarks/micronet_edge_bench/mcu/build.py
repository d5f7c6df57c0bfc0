"""Builds programs for an emulated board with Arm's GNU toolchain.

NAME.c, a program with `main`, the emulator's start ──> objects ──> one ELF file
"""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from micronet_edge_bench.mcu.boards import MOST_INSTRUCTIONS, Board
from micronet_edge_bench.mcu.errors import McuError, ToolOutputError

FIRMWARE = Path(__file__).parent / "firmware"
"""The C sources of the measuring program; measure.c is also the one for a real board."""

PREFIX = "arm-none-eabi-"
OPTIMIZATION = "-O2"
_FLAGS = ("-mthumb", "-mfloat-abi=hard", OPTIMIZATION, "-ffunction-sections", "-fdata-sections")
_INSTALL = "install Arm's GNU toolchain (Debian: gcc-arm-none-eabi libnewlib-arm-none-eabi)"
_ERROR = re.compile(
    r"\b(?:fatal )?error: |undefined reference|overflowed by|will not fit|cannot (?:find|open)"
)
_LINKER = re.compile(r"^\S*/ld(?:\.bfd)?: ")


@dataclass(frozen=True, slots=True)
class Builder:
    """Compiles and links for one board, into one folder.

    `subject` is the file that an error is about.
    """

    board: Board
    folder: Path
    subject: Path

    def compile(self, source: Path, name: str, options: Sequence[str] = ()) -> Path:
        """The object of a C file. Raises McuError with the compiler's first error."""
        built = self.folder / f"{name}.o"
        self._gcc("-std=gnu11", f"-I{self.subject.parent}", *options, "-c", str(source), "-o", str(built))
        return built

    def link(self, *objects: Path) -> Path:
        """The program of some objects and the emulator's start. Raises McuError with the first error."""
        clock = f"-DEMULATOR_MHZ={self.board.clock_mhz}"
        most = f"-DEMULATOR_MOST_INSTRUCTIONS={MOST_INSTRUCTIONS}u"
        start = self.compile(FIRMWARE / "emulator.c", "emulator", (clock, most))
        built = objects[0].with_suffix(".elf")
        script = ("-nostartfiles", "-Wl,--gc-sections", f"-L{FIRMWARE}", f"-T{self.board.name}.ld")
        self._gcc(*script, "--specs=rdimon.specs", *map(str, (start, *objects)), "-lm", "-o", str(built))
        return built

    def _gcc(self, *arguments: str) -> None:
        failed = f"{self.subject.name} cannot be built for {self.board.name}"
        folders = (self.subject.parent, self.folder, FIRMWARE)
        run_tool("gcc", (*self.board.core_flags, *_FLAGS, *arguments), failed, folders)


def compiler_version() -> str:
    """The compiler with its version and the optimization that everything is built with."""
    number = run_tool("gcc", ["-dumpfullversion"], "the compiler's version cannot be read").strip()
    return f"{PREFIX}gcc {number} {OPTIMIZATION}"


def run_tool(tool: str, arguments: Sequence[str], failed: str, folders: Sequence[Path] = ()) -> str:
    """What a tool of the toolchain prints.

    Raises McuError, which starts with `failed`, if it is missing or fails; the tool's first error goes in
    without those folders.
    """
    program = shutil.which(PREFIX + tool)
    if program is None:
        raise McuError(f"{PREFIX}{tool} is not on the PATH: {_INSTALL}")
    done = subprocess.run(  # noqa: S603 - found above, and without a shell
        [program, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    if done.returncode:
        raise McuError(f"{failed}: {_first_error(done.stderr, folders)}") from ToolOutputError(done.stderr)
    return done.stdout


def _first_error(output: str, folders: Sequence[Path]) -> str:
    """The first line that is an error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    first = next((line for line in lines if _ERROR.search(line)), lines[-1] if lines else "no output")
    for folder in folders:
        first = first.replace(f"{folder}/", "")
    return _LINKER.sub("", first)
