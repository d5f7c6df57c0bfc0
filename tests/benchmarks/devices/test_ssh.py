"""A board over ssh, against Debian's sshd: how it is reached, and how it is lost."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from benchmarks.devices.board import make_key
from benchmarks.devices.wheels import write_wheel

from micronet_edge_bench.devices import DeviceError, find_device, require

WAIT = "import sys; print('running', flush=True); sys.stdin.read()"
DEAF = "import time; print('running', flush=True); time.sleep(600)"


def connect(board, monkeypatch, *options, **settings):
    """Tries to connect with an ssh configuration changed by `settings`."""
    command = " ".join([board.configure(**settings), *options])
    monkeypatch.setenv("MICRONET_EDGE_SSH", command)
    device = find_device("ssh://board")
    try:
        device.connect()
    finally:
        device.close()


@pytest.fixture
def refused(board, monkeypatch, refusal):
    """Why a connection is refused."""
    return lambda *options, **settings: refusal(
        DeviceError, connect, board, monkeypatch, *options, **settings
    )


def test_an_unknown_host(refused):
    assert "unknown host name" in refused(HostName="no-such-host.invalid")


def test_nothing_listens(refused):
    assert "refuses the connection" in refused()


def test_a_host_that_never_answers(refused):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        error_line = refused("-oConnectTimeout=1", Port=silent.getsockname()[1])
    assert "does not answer in time" in error_line


def test_an_unknown_host_key(board, refused):
    board.start()
    error_line = refused(UserKnownHostsFile="/dev/null")
    assert "its host key is unknown here: run `ssh board` once" in error_line


def test_a_changed_host_key(board, refused, tmp_path):
    board.start()
    make_key(tmp_path / "other")
    key = (tmp_path / "other.pub").read_text()
    (tmp_path / "known").write_text(f"[127.0.0.1]:{board.port} {key}")
    assert "differs from known_hosts" in refused(UserKnownHostsFile=tmp_path / "known")


def test_a_password_is_not_asked_for(board, refused, tmp_path):
    board.start("PasswordAuthentication yes")
    make_key(tmp_path / "stranger")
    error_line = refused(IdentityFile=tmp_path / "stranger")
    assert "asks for a password, or rejects our key: run `ssh-copy-id board`" in error_line


def test_an_account_without_a_shell(board, refused):
    board.start("ForceCommand echo This account is closed >&2; exit 1")
    assert "This account is closed" in refused()


def test_an_ssh_that_is_not_installed(monkeypatch, refusal):
    monkeypatch.setenv("MICRONET_EDGE_SSH", "no-such-ssh -4")
    assert "apt install openssh-client" in refusal(DeviceError, find_device("ssh://board").connect)


def test_words_for_ssh_that_cannot_be_read(monkeypatch, refusal):
    monkeypatch.setenv("MICRONET_EDGE_SSH", "ssh 'open")
    assert "MICRONET_EDGE_SSH" in refusal(DeviceError, find_device("ssh://board").connect)


def test_commands_share_one_login(board):
    board.start()
    with find_device("ssh://board") as device:
        for _ in range(3):
            assert device.run(["true"], print) == 0
    logins = (board.home / "sshd.log").read_text().count("Accepted publickey")
    assert logins == 1


def test_a_board_that_forbids_to_share_one(board):
    board.start("MaxSessions 1")
    with find_device("ssh://board") as device:
        lines = []
        assert device.run(["echo", "ran"], lines.append) == 0
        assert lines == ["ran"]


def test_a_login_that_prints_and_a_configuration_full_of_other_things(board, monkeypatch):
    board.start(environment={"ENV": board.home / "profile"})
    settings = {"RemoteCommand": "false", "RequestTTY": "force", "LocalForward": "1 localhost:1"}
    monkeypatch.setenv("MICRONET_EDGE_SSH", board.configure(**settings, LogLevel="QUIET"))
    with find_device("ssh://board") as device:
        assert device.run(["sh", "-c", "exit 3"], print) == 3


def test_a_board_without_python(board, tmp_path, refusal):
    for name in ("sh", "mktemp", "rm", "cat", "uname"):
        (tmp_path / name).symlink_to(Path("/bin") / name)
    board.start(environment={"PATH": tmp_path})
    with find_device("ssh://board") as device:
        assert device.facts().python is None
        assert "no python3 there: install Python 3.9" in refusal(DeviceError, require, device, ["numpy"])
        assert "no python3 there" in refusal(DeviceError, device.run, ["python3", "-V"], print)


def test_a_python_that_is_too_old(board, tmp_path, refusal):
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\necho \'{"python": "3.7.3", "packages": {}, "folder": "/x", "path": ""}\'\n')
    old.chmod(0o755)
    board.start(environment={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    with find_device("ssh://board") as device:
        assert "Python 3.7.3 is too old: install Python 3.9" in refusal(DeviceError, require, device, [])


def test_a_python_that_does_not_run(board, tmp_path, refusal):
    broken = tmp_path / "python3"
    broken.write_text("#!/bin/sh\necho libpython is gone >&2\nexit 1\n")
    broken.chmod(0o755)
    board.start(environment={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    with find_device("ssh://board") as device:
        assert "ended with 1 (libpython is gone)" in refusal(DeviceError, device.facts)


@pytest.fixture
def bare_board(board, tmp_path):
    """A board whose Python has nothing, not even pip, and which finds packages in a folder."""
    python = tmp_path / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", python], check=True)
    write_wheel(tmp_path, "ai_edge_litert", "9.8.7")
    board.start(
        environment={
            "PATH": f"{python / 'bin'}:/usr/bin:/bin",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": tmp_path,
        }
    )
    return board


def test_what_is_missing_is_said_and_installed(bare_board, refusal):
    lines = []
    with find_device("ssh://board") as device:
        error_line = refusal(DeviceError, require, device, ["ai-edge-litert"])
        assert "has no ai-edge-litert: run again with --bootstrap" in error_line
        device.bootstrap(["ai-edge-litert"], lines.append)
        require(device, ["ai-edge-litert"])
    assert "only this folder stays there" in lines[-1]
    with find_device("ssh://board") as device:
        facts = require(device, ["ai-edge-litert"])
        assert facts.packages == {"ai-edge-litert": "9.8.7"}
        program = "import ai_edge_litert; print(ai_edge_litert.__file__)"
        device.run([*facts.interpreter, "-c", program], lines.append)
    (folder,) = (bare_board.home / ".cache" / "micronet-edge").iterdir()
    assert lines[-1].startswith(str(folder))
    assert f" {folder} " in lines[-2]


def test_an_installation_that_fails_leaves_nothing(bare_board, refusal):
    with find_device("ssh://board") as device:
        error_line = refusal(DeviceError, device.bootstrap, ["no-such-package"], print)
    assert "No matching distribution found for no-such-package" in error_line
    assert list((bare_board.home / ".cache" / "micronet-edge").iterdir()) == []


@pytest.fixture
def mounted(board):
    """Gives a board a small file system for temporary files."""

    def mount(options):
        words = ["mount", "-t", "tmpfs", "-o", options, "none", board.temporary]
        if subprocess.run(words, check=False, capture_output=True).returncode:
            pytest.skip("needs to mount a small file system, as root may")
        board.start()

    yield mount
    left = board.left()
    subprocess.run(["umount", "--lazy", board.temporary], check=False, capture_output=True)
    assert left == []


def test_no_space_for_a_file(mounted, tmp_path, refusal):
    mounted("size=64k")
    (tmp_path / "large").write_bytes(bytes(1 << 20))
    with find_device("ssh://board") as device:
        assert "no space left" in refusal(DeviceError, device.push, tmp_path / "large", "large")


def test_no_space_in_the_middle_of_a_run(mounted, refusal):
    mounted("size=64k")
    program = "open('large', 'wb').write(bytes(1 << 20))"
    with find_device("ssh://board") as device:
        command = [*device.facts().interpreter, "-c", program]
        assert "no space left" in refusal(DeviceError, device.run, command, print)


def test_no_space_for_the_folder(mounted, refusal):
    mounted("nr_inodes=1")
    error_line = refusal(DeviceError, find_device("ssh://board").connect)
    assert "cannot create a folder there" in error_line
    assert "No space left" in error_line


def lose(program, how):
    """Runs a program on the board, which meets its fate once it runs; tells how and how fast that ended."""
    began = []

    def strike(_line):
        began.append(time.monotonic())
        how()

    with find_device("ssh://board") as device:
        command = [*device.facts().interpreter, "-c", program]
        with pytest.raises(DeviceError) as caught:
            device.run(command, strike)
    message = str(caught.value)
    assert message.isprintable()
    return message, time.monotonic() - began[0]


@pytest.mark.parametrize("program", [WAIT, DEAF])
def test_a_board_whose_sshd_is_killed_in_the_middle(board, program):
    board.start()
    message, seconds = lose(program, lambda: board.signal(signal.SIGKILL))
    assert message.startswith("ssh://board: the connection was lost (")
    assert seconds < 30
    assert board.left(seconds=15) == []


def test_a_board_that_falls_silent_in_the_middle(board, monkeypatch):
    board.start()
    command = f"{board.configure()} -oServerAliveInterval=1 -oServerAliveCountMax=2"
    monkeypatch.setenv("MICRONET_EDGE_SSH", command)
    threading.Timer(15, lambda: board.signal(signal.SIGCONT)).start()
    message, seconds = lose(WAIT, lambda: board.signal(signal.SIGSTOP))
    assert "the connection was lost (" in message
    assert seconds < 40


INTERRUPTED = """
import sys
from micronet_edge_bench.devices import find_device
with find_device("ssh://board") as device:
    device.run([*device.facts().interpreter, "-c", sys.argv[1]], print)
"""


@pytest.mark.parametrize("program", [WAIT, DEAF])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_end_on_our_side_ends_the_run_there_and_removes_the_folder(board, tmp_path, program, number):
    board.start()
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED)
    # A test run in the background ignores Ctrl-C, and its children would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-u", script, program],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    with process:
        assert process.stdout.readline() == b"running\n"
        (folder,) = board.temporary.iterdir()
        running = int((folder / ".micronet-edge-running").read_text())
        process.send_signal(number)
        process.wait(30)
    assert board.left(seconds=15) == []
    assert not Path(f"/proc/{running}").exists()
    if number == signal.SIGINT:
        assert [path.name for path in tmp_path.iterdir()] == ["script.py"]
