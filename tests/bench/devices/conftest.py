import shutil
import tempfile
from pathlib import Path

import pytest
from bench.devices import board as boards
from bench.devices import phone as phones

from micronet_edge_bench.devices import find_device
from micronet_edge_bench.devices.adb import AdbDevice

KINDS = ("local", "ssh", "adb")


@pytest.fixture
def home():
    """A folder with a short name: sockets lie in it."""
    path = Path(tempfile.mkdtemp(prefix="mne-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def board(home, monkeypatch):
    """A board to be started; after the test its folder for temporary files must be empty."""
    if not boards.AVAILABLE:
        pytest.skip(boards.NEEDED)
    board = boards.Board(home, boards.free_port())
    board.temporary.mkdir()
    for name in ("host_key", "user_key"):
        boards.make_key(home / name)
    monkeypatch.setenv("MICRONET_EDGE_SSH", board.configure())
    yield board
    left = sorted(path.name for path in board.temporary.iterdir())
    board.stop()
    assert left == []


@pytest.fixture
def phone(home, monkeypatch):
    """A phone to be started; after the test its folder for temporary files must be empty."""
    if not phones.AVAILABLE:
        pytest.skip(phones.NEEDED)
    phone = phones.new_phone(home)
    for name, value in phone.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(AdbDevice, "base", str(phone.temporary))
    yield phone
    left = sorted(path.name for path in phone.temporary.iterdir())
    phone.stop()
    assert left == []


@pytest.fixture(params=KINDS)
def device(request):
    """A connected device of each kind."""
    if request.param == "local":
        url = "local"
    elif request.param == "ssh":
        request.getfixturevalue("board").start()
        url = "ssh://board"
    else:
        phone = request.getfixturevalue("phone")
        phone.start()
        url = f"adb://{phone.serial}"
    with find_device(url) as device:
        yield device
