"""Killed at any step, or two at once: the files of one run stand together, after the next run or reader."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from killed_writers import NAMES, old, put, state, write

from micronet_edge.errors import OutputError
from micronet_edge.util.atomic_write import atomic_write
from micronet_edge.util.journal import PREFIX, run_folder, settle

SCRIPT = Path(__file__).with_name("killed_writers.py")
NEW, OLD, NONE = ["new"] * 3, ["old"] * 3, [""] * 3


def run(*arguments) -> dict:
    done = subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def hidden(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def another_run(folder):
    with atomic_write(folder, ["b.onnx"], overwrite=False) as within:
        (within / "b.onnx").write_text("another")


@pytest.mark.parametrize("next_one", [settle, another_run], ids=["a reader", "another run"])
def test_whoever_comes_after_a_kill_finds_all_old_or_all_new(tmp_path, next_one):
    counts = run("kill_writers", tmp_path)
    assert counts["over"] > 30  # the steps were seen
    for kind, before in (("over", OLD), ("fresh", NONE)):
        left = [state(tmp_path / kind / str(step)) for step in range(1, counts[kind] + 1)]
        assert [found for found in left if found not in (before, NEW)]  # nothing else would show that
        for step in range(1, counts[kind] + 1):
            folder = tmp_path / kind / str(step)
            next_one(folder)
            assert state(folder) in ([NEW] if "new" in left[step - 1] else [before, NEW])
            assert (folder / "recipes").exists() == (state(folder) != NONE)
            assert hidden(folder) in ([], [".partial-lock"]), step


def test_whoever_is_killed_while_finishing_leaves_it_to_the_next(tmp_path):
    for step in range(1, run("kill_settlers", tmp_path)["settled"] + 1):
        folder = tmp_path / "settled" / str(step)
        settle(folder)
        assert state(folder) == NEW
        assert hidden(folder) in ([], [".partial-lock"])


def test_two_at_once_never_mix(tmp_path):
    found = run("compete", tmp_path, 40)
    assert found["mixed"] == 0
    assert found["seen"] > 5  # how many depends on how busy the machine is
    assert found["left"] == NAMES


def test_a_second_run_of_the_same_files_is_refused_and_one_of_others_is_not(tmp_path, refusal):
    with atomic_write(tmp_path, NAMES, overwrite=True) as within:
        error_line = refusal(OutputError, write, tmp_path, "second")
        assert f"another run is writing {tmp_path / NAMES[0]}: wait until it ends" in error_line
        another_run(tmp_path)
        put(within, "first")
    assert state(tmp_path) == ["first"] * 3
    assert hidden(tmp_path) == []


def test_a_file_that_came_meanwhile_is_not_replaced_unasked(tmp_path, refusal):
    def write_late():
        with atomic_write(tmp_path, ["a"], overwrite=False) as within:
            (within / "a").write_text("new")
            (tmp_path / "a").write_text("theirs")

    assert f"{tmp_path / 'a'} exists" in refusal(OutputError, write_late)
    assert (tmp_path / "a").read_text() == "theirs"
    assert hidden(tmp_path) == []


def test_folders_of_others_stay(tmp_path):
    for name in ("mine", "marked-by-nobody"):
        (tmp_path / f"{PREFIX}{name}").mkdir()
        (tmp_path / f"{PREFIX}{name}" / "file").write_text("precious")
    (tmp_path / f"{PREFIX}link").symlink_to("/")
    another_run(tmp_path)
    assert len(hidden(tmp_path)) == 3
    assert (tmp_path / f"{PREFIX}mine" / "file").read_text() == "precious"


def test_a_journal_moves_nothing_out_of_its_folder(tmp_path):
    victim, output = tmp_path / "victim", tmp_path / "output"
    output.mkdir()
    victim.write_text("precious")
    (output / "link").symlink_to(tmp_path)
    planted = output / f"{PREFIX}planted"
    planted.mkdir()
    (planted / ".micronet-edge-run").write_text('{"names": []}')
    (planted / ".micronet-edge-back").write_text(
        '{"names": ["../victim", "..", "a/../../victim", "link/victim"], "older": []}'
    )
    settle(output)
    assert victim.read_text() == "precious"
    assert hidden(output) == []


def test_a_file_that_cannot_be_replaced_leaves_all_as_they_were(tmp_path, monkeypatch):
    old(tmp_path)
    replace = Path.replace

    def deny_the_last(path, target):
        if Path(target) == tmp_path / NAMES[-1] and path.read_text() == "new":
            raise PermissionError(1, "Operation not permitted")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", deny_the_last)
    with pytest.raises(PermissionError):
        write(tmp_path, "new")
    assert state(tmp_path) == OLD
    assert hidden(tmp_path) == []


def test_without_links_older_files_are_copied(tmp_path, monkeypatch):
    monkeypatch.setattr(
        os, "link", lambda *_args, **_how: (_ for _ in ()).throw(PermissionError(1, "no links"))
    )
    old(tmp_path)
    write(tmp_path, "new")
    assert state(tmp_path) == NEW


def test_a_failed_move_leaves_no_folder_of_new_files_and_keeps_those_with_others(tmp_path, monkeypatch):
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "theirs").touch()
    replace = Path.replace

    def deny_the_last(path, target):
        if Path(target) == tmp_path / NAMES[-1]:
            raise PermissionError(1, "Operation not permitted")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", deny_the_last)
    with pytest.raises(PermissionError):
        write(tmp_path, "new")
    assert [path.name for path in (tmp_path / "recipes").iterdir()] == ["theirs"]
    assert state(tmp_path) == NONE


@pytest.mark.parametrize("there", ["a link", "a file"])
def test_a_name_leads_through_no_link_and_no_file(tmp_path, refusal, there):
    place, elsewhere = tmp_path / "output" / "recipes", tmp_path / "elsewhere"
    place.parent.mkdir()
    elsewhere.mkdir()
    place.symlink_to(elsewhere) if there == "a link" else place.touch()
    error_line = refusal(OutputError, write, tmp_path / "output", "new")
    assert f"{place} is {there} where a folder belongs" in error_line
    assert not list(elsewhere.iterdir())


def test_the_folder_of_a_run_is_gone_afterwards(tmp_path):
    with run_folder(tmp_path, ["a"]) as folder:
        assert folder.parent == tmp_path
        (folder / "deep").mkdir()
        (folder / "deep" / "file").touch()
    assert hidden(tmp_path) == []
