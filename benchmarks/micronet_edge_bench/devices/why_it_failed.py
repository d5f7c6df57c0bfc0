"""Recognizes failures of a command that are the device's, not the command's own."""

import re
from collections.abc import Sequence

from micronet_edge_bench.devices.quoting import one_line

_NO_SPACE = re.compile(r"No space left on device|Errno 28|Disk quota exceeded")
_FOREIGN = re.compile(r"Exec format error|cannot execute binary file|not executable: \d+-bit")
_CANNOT_EXECUTE, _NOT_FOUND = 126, 127


def why_it_failed(code: int, stderr: str, command: Sequence[str]) -> str | None:
    """The reason with the next step; None if only the command's own output explains it.

    126 and 127 are the exit codes of a POSIX shell for a program that it cannot start or find.
    """
    if code and _NO_SPACE.search(stderr):
        return "no space left there: free some on the file system of its folder for temporary files"
    # `env NAME=value program` has the same exit codes as a shell.
    program = next((word for word in command if word != "env" and "=" not in word), command[0])
    if code == _CANNOT_EXECUTE and _FOREIGN.search(stderr):
        return f"{program} is built for another CPU architecture: give one built for this device"
    if code == _CANNOT_EXECUTE:
        return (
            f"{program} cannot be executed there ({one_line(stderr)}): check that its folder allows programs"
        )
    if code == _NOT_FOUND and program.rpartition("/")[2].startswith("python"):
        return f"no {program} there: install Python 3.9 or newer on it"
    if code == _NOT_FOUND:
        return f"{program} does not exist there ({one_line(stderr)})"
    return None
