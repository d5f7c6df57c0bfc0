"""What holds for every kind of device, each against the real thing."""

import json
import os
import platform
from pathlib import Path

import pytest

from micronet_edge.errors import MicronetEdgeError
from micronet_edge_bench.devices import DeviceError

AWKWARD = (
    "it's",
    'say "hi"',
    "a b  c",
    "a;touch hacked",
    "$(touch hacked)",
    "`touch hacked`",
    "${HOME}",
    "line\nbreak",
    "-rf",
    "--help",
    "*",
    "back\\slash\\'quote",
    "trailing\\",
    "!history",
    "~",
    "%s%n",
    "grün",
    "a&b|c>d<e",
    "#comment",
)


def python(device, *words):
    """A command for the device's Python, with the lines it prints and its exit code."""
    lines = []
    code = device.run([*device.facts().interpreter, *words], lines.append)
    return code, lines


def test_facts_tell_what_is_there(device):
    facts = device.facts()
    assert facts.architecture == platform.machine()
    assert facts.system
    assert facts.python.startswith("3.")
    assert facts.interpreter


def test_awkward_names_go_there_and_come_back(device, tmp_path):
    for number, name in enumerate(AWKWARD):
        here = tmp_path / f"sent{number}"
        here.write_bytes(name.encode() * 3 + bytes(range(256)))
        device.push(here, name)
    code, lines = python(device, "-c", "import json, os; print(json.dumps(sorted(os.listdir())))")
    found = set(json.loads(lines[0])) - {"micronet-edge-probe.py", ".micronet-edge-running"}
    assert (code, found) == (0, set(AWKWARD))
    for number, name in enumerate(AWKWARD):
        device.pull(name, tmp_path / name)
        assert (tmp_path / name).read_bytes() == (tmp_path / f"sent{number}").read_bytes()


def test_awkward_words_arrive_as_they_are(device):
    _, lines = python(device, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))", *AWKWARD, "")
    assert json.loads(lines[0]) == [*AWKWARD, ""]


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "/absolute", "a/b", "nul\0"])
def test_a_name_outside_the_folder_is_refused(device, name, refusal, tmp_path):
    (tmp_path / "file").touch()
    assert "is not a valid file name" in refusal(DeviceError, device.push, tmp_path / "file", name)
    assert "is not a valid file name" in refusal(DeviceError, device.pull, name, tmp_path / "back")


def test_files_of_some_size_arrive_whole(device, tmp_path):
    sent = os.urandom(3_000_001)
    (tmp_path / "sent").write_bytes(sent)
    device.push(tmp_path / "sent", "file")
    device.pull("file", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == sent


def test_an_empty_file_too(device, tmp_path):
    (tmp_path / "sent").touch()
    device.push(tmp_path / "sent", "file")
    device.pull("file", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b""


def test_a_program_stays_executable(device, tmp_path):
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\necho ran in "$PWD"\n')
    program.chmod(0o755)
    device.push(program, "pro gram")
    lines = []
    assert device.run(["./pro gram"], lines.append) == 0
    assert lines == [f"ran in {device.folder}"]


def test_exit_code_and_stderr_come_through(device):
    program = "import sys; print('out', flush=True); print('a\\nb', file=sys.stderr); sys.exit(7)"
    assert python(device, "-c", program) == (7, ["out"])
    assert device.stderr_tail.splitlines() == ["a", "b"]


@pytest.mark.parametrize("code", [0, 1, 2, 125, 255])
def test_every_exit_code_is_the_command_s_own(device, code):
    assert python(device, "-c", f"import sys; sys.exit({code})")[0] == code


def test_output_without_an_end_of_line(device):
    program = "import sys; sys.stdout.write('one\\ntwo'); sys.stderr.write('three')"
    assert python(device, "-c", program) == (0, ["one", "two"])
    assert device.stderr_tail == "three"


def test_stderr_of_any_length_holds_nothing_up(device):
    code, _ = python(device, "-c", "import sys; [print('x' * 99, file=sys.stderr) for _ in range(20_000)]")
    assert code == 0
    assert device.stderr_tail.splitlines()[-1] == "x" * 99


def test_lines_come_while_the_command_runs_and_its_stdin_is_open(device):
    # The command waits for its stdin to end. It does when we refuse the line, and not before.
    def refuse(line):
        raise EOFError(line)

    program = "import sys; print('waiting', flush=True); sys.stdin.read()"
    command = [*device.facts().interpreter, "-c", program]
    with pytest.raises(EOFError, match="waiting"):
        device.run(command, refuse)


def test_a_missing_program(device, refusal):
    assert "no-such does not exist there" in refusal(DeviceError, device.run, ["no-such"], print)


def test_a_program_for_another_processor(device, refusal, tmp_path):
    # The head of an ELF file for an IBM mainframe.
    program = tmp_path / "foreign"
    head = b"\x7fELF\x02\x02\x01" + bytes(9) + b"\x00\x02\x00\x16\x00\x00\x00\x01" + bytes(40)
    program.write_bytes(head)
    program.chmod(0o755)
    device.push(program, "foreign")
    assert "another CPU architecture" in refusal(DeviceError, device.run, ["./foreign"], print)


def test_a_file_that_is_not_there(device, refusal, tmp_path):
    error_line = refusal(DeviceError, device.pull, "no-such", tmp_path / "back")
    assert error_line.startswith(f"{device.label}: ")
    assert list(tmp_path.iterdir()) == []


def test_a_place_here_that_is_not_there(device, refusal, tmp_path):
    (tmp_path / "file").touch()
    device.push(tmp_path / "file", "file")
    refusal(MicronetEdgeError, device.pull, "file", tmp_path / "no" / "folder")
    refusal(DeviceError, device.push, tmp_path / "no-such", "file")


def test_the_folder_goes_with_the_device(device, tmp_path):
    (tmp_path / "file").touch()
    device.push(tmp_path / "file", "file")
    folder = Path(device.folder)
    assert folder.is_dir()  # every kind is on this machine here
    device.close()
    assert not folder.exists()
    device.close()


def test_not_connected(device, refusal):
    device.close()
    assert "connect first" in refusal(DeviceError, device.run, ["true"], print)
