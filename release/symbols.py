"""What a compiled library needs of the system: its libraries and the versions of their symbols.

Source: PEP 600 and auditwheel's manylinux-policy.json, manylinux_2_28.
"""

import re
import subprocess
import sys
from pathlib import Path

NEWEST = {"GLIBC": (2, 28), "GCC": (7, 0, 0)}
"""The newest versions that manylinux_2_28 allows of the libraries that we link."""

ALLOWED = {"libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
"""Libraries of every such system; libstdc++ is linked statically, since its symbols are newer."""


def check_symbols(library: Path) -> str:
    """What the library needs, in words; ends the program where that is more than manylinux_2_28 has."""
    needed, versions = needs(objdump(library))
    if foreign := needed - ALLOWED:
        sys.exit(f"error: {library.name} links {', '.join(sorted(foreign))}: link it statically")
    for name, version in versions.items():
        if name not in NEWEST or version > NEWEST[name]:
            sys.exit(f"error: {library.name} needs {name}_{dotted(version)}: manylinux_2_28 does not have it")
    newest = ", ".join(f"{name} {dotted(version)}" for name, version in sorted(versions.items()))
    return f"{newest}; links {', '.join(sorted(needed))}"


def objdump(library: Path) -> str:
    """The library's private headers, of whatever processor it is for."""
    command = ["objdump", "-p", str(library)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needs(headers: str) -> tuple[set[str], dict[str, tuple[int, ...]]]:
    """The libraries that a library links, and of each family of versions the newest."""
    needed = set(re.findall(r"^\s+NEEDED\s+(\S+)$", headers, re.MULTILINE))
    _, _, references = headers.partition("Version References:")
    newest: dict[str, tuple[int, ...]] = {}
    for family, numbers in re.findall(r" ([A-Z]+)_([\d.]+)$", references, re.MULTILINE):
        version = tuple(map(int, numbers.split(".")))
        newest[family] = max(version, newest.get(family, (0,)))
    return needed, newest


def dotted(version: tuple[int, ...]) -> str:
    """A version as people write it."""
    return ".".join(map(str, version))
