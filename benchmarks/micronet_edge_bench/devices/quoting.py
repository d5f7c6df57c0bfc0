"""Words for a shell elsewhere, whatever characters they are made of."""

import shlex
from collections.abc import Sequence

from micronet_edge_bench.devices.errors import DeviceError


def quoted(command: Sequence[str]) -> str:
    """A command as words for a POSIX shell."""
    return shlex.join(command)


def for_any_shell(script: str) -> str:
    """A POSIX shell script as a command line that every login shell understands alike.

    A board's login shell may be fish or csh, whose quotes treat backslashes and line ends in their own ways.
    The script therefore travels as octal numbers, in which nothing needs quoting, and sh decodes it.
    """
    octal = "".join(f"\\{byte:03o}" for byte in script.encode("utf-8", "surrogateescape"))
    return f"""exec sh -c 'eval "$(printf "$0")"' '{octal}'"""


def plain_name(device: str, name: str) -> str:
    """The name, if it can only be a file directly in the device's folder.

    Raises DeviceError on anything else.
    """
    if not name or "/" in name or "\0" in name or name in {".", ".."}:
        raise DeviceError(device, f"{name!r} is no name for a file in its folder: give it a plain one")
    return name


def one_line(text: str) -> str:
    """The last line of a complaint that has any words in it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
