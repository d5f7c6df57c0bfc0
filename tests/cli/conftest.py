import signal
import sys
import tempfile

import pytest
from cli.command import TOOL, Ran, names, run, shared_digits

from micronet_edge.cli import main


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    return shared_digits(tmp_path_factory)


@pytest.fixture(scope="session")
def digits(digits_run):
    return digits_run / "files"


@pytest.fixture
def folder(tmp_path):
    """Where the command runs."""
    path = tmp_path / "folder"
    path.mkdir()
    return path


@pytest.fixture
def temporary(tmp_path):
    """Where the command keeps its temporary files; only caches of PyTorch and ORT may stay."""
    path = tmp_path / "temporary"
    path.mkdir()
    yield path
    assert [name for name in names(path) if not name.startswith(("torchinductor_", ".ses"))] == []


@pytest.fixture
def tool(folder, temporary):
    """Runs the command in `folder`, as a process."""

    def call(*arguments: object, **environment: str) -> Ran:
        return run(*arguments, cwd=folder, TMPDIR=str(temporary), **environment)

    return call


@pytest.fixture
def tool_here(folder, temporary, monkeypatch, capfd):
    """Runs what the console script runs, in `folder`, in this process: importing PyTorch takes seconds."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    terminated = signal.getsignal(signal.SIGTERM)

    def call(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", [TOOL.name, *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Ran(ended.value.code, *capfd.readouterr())

    yield call
    signal.signal(signal.SIGTERM, terminated)
