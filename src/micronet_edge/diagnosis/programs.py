"""Programs that commands call where they are found: compilers, emulators, tools."""

from collections.abc import Sequence
from dataclasses import dataclass
from shutil import which

from micronet_edge.diagnosis.finding import Finding


@dataclass(frozen=True, slots=True)
class Program:
    """A program, by any of its names; `package` is Debian's."""

    name: str
    names: tuple[str, ...]
    brings: str
    package: str


COMPILERS = (
    Program("C compiler", ("cc", "gcc", "clang"), "C files are proven and measured here", "gcc"),
    Program("C++ compiler", ("c++", "g++", "clang++"), "builds the fused kernels and apps in C++", "g++"),
    Program("CMake", ("cmake",), "builds the fused kernels and apps in C++", "cmake"),
    Program(
        "arm-none-eabi-gcc",
        ("arm-none-eabi-gcc",),
        "builds C files for Cortex-M",
        "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    ),
    Program(
        "aarch64-linux-gnu-g++",
        ("aarch64-linux-gnu-g++",),
        "builds the fused kernels for 64-bit ARM boards",
        "g++-aarch64-linux-gnu",
    ),
)
EMULATORS = (
    Program("qemu-system-arm", ("qemu-system-arm",), "`bench` counts C files on Cortex-M", "qemu-system-arm"),
    Program("qemu-aarch64", ("qemu-aarch64", "qemu-aarch64-static"), "tests the ARM kernels", "qemu-user"),
)
TOOLS = (
    Program("ssh", ("ssh",), "`bench` and `tune` measure on boards", "openssh-client"),
    Program("adb", ("adb",), "`bench` measures on Android phones", "adb"),
    Program("npm", ("npm",), "`deploy --to web` fetches its runtime", "npm"),
    Program("ffmpeg", ("ffmpeg",), "`predict` reads a camera", "ffmpeg"),
)


def compilers() -> list[Finding]:
    """Compilers for this machine and for boards."""
    return _found(COMPILERS)


def emulators() -> list[Finding]:
    """Emulators of processors."""
    return _found(EMULATORS)


def tools() -> list[Finding]:
    """Other programs."""
    return _found(TOOLS)


def _found(programs: Sequence[Program]) -> list[Finding]:
    return [_look(program) for program in programs]


def _look(program: Program) -> Finding:
    places = (place for name in program.names if (place := which(name)) is not None)
    if (place := next(places, None)) is not None:
        return Finding(program.name, "found", place, program.brings)
    return Finding(program.name, "missing", "", program.brings, f"apt install {program.package}")
