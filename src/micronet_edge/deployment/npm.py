"""Runs a script of npm in a folder of its own, and gives what it wrote."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

_PATIENCE_S = 300
_SETTINGS = {
    "npm_config_prefer_offline": "true",  # what was fetched before is checked by its hash as well
    "npm_config_fetch_retries": "1",  # without a network, the user waits for the retries
    "npm_config_fetch_retry_mintimeout": "1000",
    "npm_config_loglevel": "error",
    "npm_config_update_notifier": "false",
}
_CODES = ("code ", "errno ", "syscall ", "A complete log")
_MOST_SHOWN = 200


def built(packages: Mapping[str, bytes], script: str, folder: str) -> tuple[dict[str, bytes], str | None]:
    """What a script writes into a folder, by path; nothing, and the reason, where npm is missing or fails.

    npm checks what it fetches by the hashes in package-lock.json.

    Given    the files that it needs (package.json, package-lock.json), by name; the script's name in
             package.json; the folder that it writes
    """
    npm = shutil.which("npm")
    if npm is None:
        return {}, "npm is not installed"
    with tempfile.TemporaryDirectory(prefix="micronet-edge-") as place:
        for name, content in packages.items():
            Path(place, name).write_bytes(content)
        if (problem := _run([npm, "run", script], place)) is not None:
            return {}, problem
        written = sorted(path for path in Path(place, folder).rglob("*") if path.is_file())
        return {path.relative_to(place).as_posix(): path.read_bytes() for path in written}, None


def _run(command: list[str], place: str) -> str | None:
    """Why a command failed, in a line; None if it did not."""
    try:
        done = subprocess.run(  # noqa: S603 - our own script, with npm as the user has it
            command,
            cwd=place,
            env={**os.environ, **_SETTINGS},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"npm took more than {_PATIENCE_S} s"
    except OSError as error:
        return f"npm cannot be started ({error.strerror})"
    if done.returncode == 0:
        return None
    said = [line.strip().removeprefix("npm error ") for line in done.stderr.splitlines() if line.strip()]
    told = [line for line in said if not line.startswith(_CODES)] or said
    return f"npm failed: {told[0][:_MOST_SHOWN]}" if told else "npm failed"
