"""The POSIX shell scripts that run on a device; they need only sh, mktemp, cat, chmod and rm.

A script reports its end with a line on stderr, `TOKEN:exit code`. Without that line the connection was lost,
which the exit codes of ssh and adb do not reliably distinguish from a failed command.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from micronet_edge_bench.devices.quoting import quoted

FOLDER_MARK = "micronet-edge-folder:"
"""The prefix of the folder's name on a line of stdout."""

NO_FOLDER = "micronet-edge-no-folder"
"""Printed on stderr if no folder can be made."""

RUNNING = ".micronet-edge-running"
"""The file in the folder with the process id of the running command."""

# The keeper removes the folder when its stdin closes, so also after a lost connection, a Ctrl-C or a kill on
# our side. It first ends the running command; the loops wait for files that the command is still writing.
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

# A shell gives background commands no stdin; the command gets ours and ends when it closes.
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
    """A script's exit code, None if it did not finish, and the rest of its stderr."""

    code: int | None
    stderr: str


def keep_folder(base: str) -> str:
    """Makes a new folder in `base`, a shell word, and prints its name after FOLDER_MARK."""
    template = f'"{base}/micronet-edge.XXXXXX"'
    return _KEEPER.format(template=template, mark=FOLDER_MARK, failed=NO_FOLDER, running=RUNNING)


def run_in(folder: str, command: Sequence[str]) -> str:
    """Runs a command in the folder and returns its exit code."""
    return _RUN.format(folder=shlex.quote(folder), command=quoted(command), running=RUNNING)


def write_file(path: str, *, executable: bool) -> str:
    """Writes stdin to a file."""
    word = shlex.quote(path)
    return f"cat >{word}" + (f" && chmod 700 {word}" if executable else "")


def read_file(path: str) -> str:
    """Writes a file to stdout."""
    return f"cat <{shlex.quote(path)}"


def remove(folder: str) -> str:
    """Removes a folder with its content."""
    return f"rm -rf -- {shlex.quote(folder)}"


def reporting(script: str, token: str) -> str:
    """The script, followed by the line that reports its end."""
    return f"(\n{script}\n)\nprintf '\\n%s:%s\\n' {token} \"$?\" >&2\n"


def read_report(stderr: str, token: str) -> Report:
    """Splits the line that reports the end from a script's stderr."""
    found = re.search(rf"^{token}:(\d+)$", stderr, re.MULTILINE)
    if found is None:
        return Report(None, stderr.strip())
    return Report(int(found[1]), (stderr[: found.start()] + stderr[found.end() :]).strip())
