"""The POSIX shell scripts that run on a device; they need nothing but sh, mktemp, cat, chmod and rm.

A script reports its end with a line on stderr, `TOKEN:exit code`. Its absence tells a lost connection from
a command that failed, which neither ssh's nor adb's own exit code does for certain.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from micronet_edge_bench.devices.quoting import quoted

FOLDER_MARK = "micronet-edge-folder:"
"""Comes before the folder's name, on a line of stdout."""

NO_FOLDER = "micronet-edge-no-folder"
"""Is printed on stderr where no folder can be made."""

RUNNING = ".micronet-edge-running"
"""Holds, in the folder, the process id of the command that runs there."""

# The keeper holds the folder: it removes it when its stdin closes, and so also after a lost connection, a
# Ctrl-C or a kill on our side. What still runs is ended first; the loops are for what it was just writing.
_KEEPER = """
trap '' HUP PIPE
folder=$(mktemp -d {template}) || {{ echo {failed} >&2; exit 1; }}
trap 'exit 1' INT TERM
trap 'rm -rf -- "$folder"' EXIT
printf '%s%s\\n' {mark} "$folder"
cat >/dev/null
running=$(cat "$folder/{running}" 2>/dev/null)
if test -n "$running" && kill "$running" 2>/dev/null; then
    for each in 1 2 3 4 5; do kill -0 "$running" 2>/dev/null || break; sleep 1; done
    kill -9 "$running" 2>/dev/null
fi
for each in 1 2 3 4 5; do rm -rf -- "$folder" && exit 0; sleep 1; done
exit 1
"""

# A shell gives its background commands no stdin; the command is handed ours, by whose end it is to end.
_RUN = """
cd -- {folder} || exit 1
exec 3<&0
{command} <&3 3<&- &
echo "$!" >{running}
wait "$!"
code=$?
rm -f -- {running}
exit "$code"
"""


@dataclass(frozen=True, slots=True)
class Report:
    """What a script said: its exit code, None if it never came to its end, and the rest of its stderr."""

    code: int | None
    stderr: str


def keep_folder(base: str) -> str:
    """Makes a folder of its own below `base`, a word for the shell there, and names it after FOLDER_MARK."""
    template = f'"{base}/micronet-edge.XXXXXX"'
    return _KEEPER.format(template=template, mark=FOLDER_MARK, failed=NO_FOLDER, running=RUNNING)


def run_in(folder: str, command: Sequence[str]) -> str:
    """Runs a command in the folder, with the exit code of the command."""
    return _RUN.format(folder=shlex.quote(folder), command=quoted(command), running=RUNNING)


def write_file(path: str, *, executable: bool) -> str:
    """Writes stdin to a file."""
    word = shlex.quote(path)
    return f"cat >{word}" + (f" && chmod 700 {word}" if executable else "")


def read_file(path: str) -> str:
    """Writes a file to stdout."""
    return f"cat <{shlex.quote(path)}"


def remove(folder: str) -> str:
    """Removes a folder with all in it."""
    return f"rm -rf -- {shlex.quote(folder)}"


def reporting(script: str, token: str) -> str:
    """The script, with the line that reports its end."""
    return f"(\n{script}\n)\nprintf '\\n%s:%s\\n' {token} \"$?\" >&2\n"


def read_report(stderr: str, token: str) -> Report:
    """Takes the line that reports the end out of a script's stderr."""
    found = re.search(rf"^{token}:(\d+)$", stderr, re.MULTILINE)
    if found is None:
        return Report(None, stderr.strip())
    return Report(int(found[1]), (stderr[: found.start()] + stderr[found.end() :]).strip())
