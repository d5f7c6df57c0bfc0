"""Finds the CPU architecture that a program is built for."""

import struct
from pathlib import Path

_MAGIC = b"\x7fELF"
_HEAD_BYTES = 20
_BIG_ENDIAN = 2
_MACHINES = {3: "x86", 40: "arm", 62: "x86_64", 183: "aarch64", 243: "riscv64"}
_NAMES = {"i386": "x86", "i686": "x86", "amd64": "x86_64", "arm64": "aarch64"}


def machine(program: Path) -> str | None:
    """The architecture of an ELF file, as `uname -m` names it; None for any other file."""
    with program.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES or not head.startswith(_MAGIC):
        return None
    (number,) = struct.unpack_from(">H" if head[5] == _BIG_ENDIAN else "<H", head, 18)
    return _MACHINES.get(number, f"machine {number}")


def can_run(architecture: str, built_for: str) -> bool:
    """Whether a device with this `uname -m` may run programs built for the second one."""
    name = _NAMES.get(architecture, architecture)
    if name.startswith("armv"):
        name = "arm"
    elders = {"x86_64": "x86", "aarch64": "arm"}
    return built_for in {name, elders.get(name)}
