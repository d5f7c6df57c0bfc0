"""Runs a program on a board that qemu emulates, and reads how it ends."""

import re
import shutil
import subprocess
from pathlib import Path

from micronet_edge_bench.mcu.boards import MOST_INSTRUCTIONS, Board
from micronet_edge_bench.mcu.build import run_tool
from micronet_edge_bench.mcu.errors import McuError, ToolOutputError

EMULATOR = "qemu-system-arm"
MOST_SECONDS = 300.0
"""For a program that hangs without executing instructions, such as one that waits for an interrupt."""

_INSTALL = f"{EMULATOR} is not on the PATH: install it (Debian: qemu-system-arm)"
_WORD = "([0-9a-f]{8})"
_FAULT = re.compile(rf"^micronet-edge fault {_WORD} {_WORD} {_WORD} {_WORD}$", re.MULTILINE)
_OVERFLOW = "micronet-edge overflow"
_ENDLESS = "micronet-edge endless"
_LOCKUP = "Lockup"
_ADDRESS_IS_KNOWN = 1 << 15
_CAUSES = {
    1 << 25: "a division by zero",
    1 << 24: "an unaligned access",
    1 << 19: "an instruction of a coprocessor that it lacks",
    1 << 17: "a jump to an address that is no function's",
    1 << 16: "an undefined instruction",
    1 << 9: "an access outside of its memory",
    1 << 8: "a jump outside of its memory",
    1 << 1: "an access outside of its memory",
    1 << 0: "a jump outside of its memory",
}
"""By bit of CFSR, the first that applies; Armv7-M Architecture Reference Manual, B3.2.15."""


def emulator_version() -> str:
    """The emulator with its version."""
    printed = subprocess.run(  # noqa: S603 - found on the PATH, without a shell
        [_program(), "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    ).stdout
    found = re.search(r"version (\S+)", printed)
    return f"{EMULATOR} {found[1] if found else 'of unknown version'}"


def run(program: Path, board: Board, subject: str, *, most_seconds: float = MOST_SECONDS) -> tuple[int, str]:
    """The exit status and the output of a program.

    Raises McuError, which starts with `subject`, if the program faults or does not end.
    """
    try:
        done = subprocess.run(  # noqa: S603 - found on the PATH, and without a shell
            command_line(program, board),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=most_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise McuError(f"{subject} does not end on {board.name} within {most_seconds:g} seconds") from error
    if (how := _failure(done, program)) is not None:
        raise McuError(f"{subject} {how} on {board.name}") from ToolOutputError(done.stdout + done.stderr)
    return done.returncode, done.stdout


def command_line(program: Path, board: Board) -> list[str]:
    """How the emulator is started so that one instruction takes 1 ns of its time."""
    started = [_program(), "-M", board.machine, "-kernel", str(program), "-icount", "shift=0"]
    no_devices = ["-display", "none", "-monitor", "none", "-serial", "none"]
    console = ["-chardev", "stdio,id=console,signal=off"]
    return [
        *(*started, *no_devices, *console),
        *("-semihosting-config", "enable=on,target=native,chardev=console"),
    ]


def _program() -> str:
    program = shutil.which(EMULATOR)
    if program is None:
        raise McuError(_INSTALL)
    return program


def _failure(done: "subprocess.CompletedProcess[str]", program: Path) -> str | None:
    if (fault := _FAULT.search(done.stdout)) is not None:
        status, address, place, caller = (int(word, 16) for word in fault.groups())
        cause = next((text for bit, text in _CAUSES.items() if status & bit), f"fault status {status:#010x}")
        where = f" at {address:#010x}" if status & _ADDRESS_IS_KNOWN else ""
        function = _function_at(place, program) or _function_at(caller, program)
        return f"faults by {cause}{where}{f' in {function}' if function else ''}"
    if _OVERFLOW in done.stdout or _LOCKUP in done.stderr:
        return "faults: its stack overflows the 64 kB that it has"
    if _ENDLESS in done.stdout:
        return f"does not end within {MOST_INSTRUCTIONS:,} instructions"
    own = [line for line in done.stderr.splitlines() if line.startswith(f"{EMULATOR}: ")]
    if done.returncode < 0 or (done.returncode and own):
        why = own[-1].partition(": ")[2] if own else f"{EMULATOR} ends with signal {-done.returncode}"
        return f"cannot be emulated ({why})"
    return None


def _function_at(place: int, program: Path) -> str | None:
    """The function that an address lies in, if any; at 0 lie the vectors."""
    printed = run_tool("nm", ["-S", "--defined-only", str(program)], "symbols cannot be read")
    for line in printed.splitlines():
        match line.split():
            case [start, size, "t" | "T", name] if place and 0 <= place - (int(start, 16) & ~1) < int(
                size, 16
            ):
                return name
    return None
