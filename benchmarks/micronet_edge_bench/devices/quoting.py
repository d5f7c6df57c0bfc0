"""Quotes arbitrary text for a shell on a device."""

import shlex
from collections.abc import Sequence

from micronet_edge_bench.devices.errors import DeviceError


def quoted(command: Sequence[str]) -> str:
    """The command, quoted for a POSIX shell."""
    return shlex.join(command)


def for_any_shell(script: str) -> str:
    """A POSIX shell script as a command line that every login shell parses the same way.

    A board's login shell may be fish or csh, which quote backslashes and line ends differently. So the script
    travels as octal numbers, which need no quoting, and sh decodes it.
    """
    octal = "".join(f"\\{byte:03o}" for byte in script.encode("utf-8", "surrogateescape"))
    return f"""exec sh -c 'eval "$(printf "$0")"' '{octal}'"""


def plain_name(device: str, name: str) -> str:
    """Checks that the name is that of a file directly in the device's folder.

    Raises DeviceError otherwise.
    """
    if not name or "/" in name or "\0" in name or name in {".", ".."}:
        raise DeviceError(device, f"{name!r} is not a valid file name in its folder: give a plain one")
    return name


def one_line(text: str) -> str:
    """The last line of a message that is not blank."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
