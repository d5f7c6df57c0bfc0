"""Ctrl-C and its kin: no file, no process and no older file's change is left behind."""

import os
import signal
import time

import pytest
from cli.command import DIGITS, FILES, children_of, names, start

INTERRUPTED = 130
PATIENCE_S = 300


def states(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def wait_for_conversion(process):
    end = time.monotonic() + PATIENCE_S
    while not any("micronet_edge_tflite.converter.convert" in line for line in children_of(process.pid)):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)
    time.sleep(1)  # into its imports


def interrupted(process, send):
    send()
    output, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == INTERRUPTED
    assert list(children_of(process.pid)) == []
    assert output == ""
    assert errors.splitlines()[-1] == "error: interrupted; nothing was written"
    assert "Traceback" not in errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interruption_at_the_first_step(folder, temporary, number):
    command = ("export", DIGITS, "--output", "new/folder")
    with start(*command, cwd=folder, TMPDIR=str(temporary)) as process:
        assert process.stderr.readline() == "· reading the network\n"
        interrupted(process, lambda: process.send_signal(number))
    assert names(folder) == []


# A terminal sends Ctrl-C to the whole group, `kill` goes to the one process.
@pytest.mark.parametrize(
    ("number", "kill"), [(signal.SIGINT, os.killpg), (signal.SIGTERM, os.kill)], ids=["ctrl-c", "terminated"]
)
def test_an_interruption_of_the_conversion_leaves_older_files_alone(folder, temporary, number, kill):
    files = [name.replace("float32", "naive-float32") for name in FILES]
    for name in files:
        (folder / name).write_text("older")
    command = ("export", DIGITS, "--format", "tflite", "--naive", "--overwrite")
    with start(*command, cwd=folder, TMPDIR=str(temporary)) as process:
        wait_for_conversion(process)
        interrupted(process, lambda: kill(process.pid, number))
    assert states(folder) == dict.fromkeys(files, "older")
