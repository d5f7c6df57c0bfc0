"""Environments of clients: one at a time, made when something is to be run in it and removed after."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clients.client_table import Client

PATIENCE_SECONDS = 1800
_CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"


class NotInstalledError(Exception):
    """A client cannot be installed here; the text is the installer's last line."""


@contextmanager
def environment(client: Client, place: Path) -> Iterator[tuple[str, ...]]:
    """Installs what a client needs; gives the words that start its child.

    Raises NotInstalledError.
    """
    place.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=place.resolve(), prefix="environment-"))
    try:
        yield _with_node(client, folder) if client.in_node else _with_python(client, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _with_python(client: Client, folder: Path) -> tuple[str, ...]:
    _call([sys.executable, "-m", "venv", str(folder)])
    python = str(folder / "bin" / "python")
    _call([python, "-m", "pip", "install", "--quiet", "--no-compile", *client.requirements])
    return (python, "child.py", client.child)


def _with_node(client: Client, folder: Path) -> tuple[str, ...]:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        raise NotInstalledError("npm is not on this machine")
    _call(["npm", "install", "--silent", "--no-save", "--prefix", str(folder), *client.requirements])
    return (node, client.child, str(folder))


def _call(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        raise NotInstalledError(f"not installed within {PATIENCE_SECONDS // 60} minutes") from None
    if done.returncode:
        last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-1:] or ["?"]
        raise NotInstalledError(last[0])
