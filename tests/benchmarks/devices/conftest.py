import shlex
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from benchmarks.devices.board import Board, new_board
from benchmarks.devices.phone import Phone, new_phone

from micronet_edge_bench.devices import find_device
from micronet_edge_bench.devices.adb import AdbDevice


@contextmanager
def short_folder():
    """A folder with a short name: sockets lie in it."""
    path = Path(tempfile.mkdtemp(prefix="mne-"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def a_board(patch):
    """A board to be started; at the end its folder for temporary files must be empty."""
    if not Board.available():
        pytest.skip("needs sshd and ssh: apt install openssh-server openssh-client")
    with short_folder() as home:
        board = new_board(home)
        patch.setenv("MICRONET_EDGE_SSH", board.configure())
        try:
            yield board
            left = board.left()
        finally:
            board.stop()
        assert left == []


@contextmanager
def a_phone(patch):
    """A phone to be started; at the end its folder for temporary files must be empty."""
    if not Phone.available():
        pytest.skip("needs adb: apt install adb")
    with short_folder() as home:
        phone = new_phone(home)
        for name, value in phone.environment.items():
            patch.setenv(name, value)
        patch.setattr(AdbDevice, "base", str(phone.temporary))
        try:
            yield phone
            left = phone.left()
        finally:
            phone.stop()
        assert left == []


@pytest.fixture
def board(monkeypatch):
    with a_board(monkeypatch) as board:
        yield board


@pytest.fixture
def phone(monkeypatch):
    with a_phone(monkeypatch) as phone:
        yield phone


@pytest.fixture(scope="module", params=["local", "ssh", "adb"])
def url(request):
    """What names a running device of each kind."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "local":
            yield "local"
        elif request.param == "ssh":
            with a_board(patch) as board:
                board.start()
                yield "ssh://board"
        else:
            with a_phone(patch) as phone:
                phone.start()
                yield f"adb://{phone.serial}"


@pytest.fixture
def device(url):
    """A connected device of each kind."""
    with find_device(url) as device:
        yield device


@pytest.fixture
def python3(tmp_path_factory):
    """A folder whose python3 is the Python that runs us, which has the runtimes."""
    program = tmp_path_factory.mktemp("bin") / "python3"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    program.chmod(0o755)
    return program.parent
