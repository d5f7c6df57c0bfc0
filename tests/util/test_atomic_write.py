"""Files appear together under their final names, or nothing changes at all."""

import errno
import os
from pathlib import Path

import pytest

from micronet_edge.errors import OutputError
from micronet_edge.util.atomic_write import atomic_write

NAMES = ["a.onnx", "a.onnx.manifest.json"]


def write(output, *, names=NAMES, failure=None, overwrite=False):
    """Writes the names, and fails after the last of them where a failure is given."""
    with atomic_write(output, names, overwrite=overwrite) as folder:
        for name in names:
            (folder / name).write_text(f"new {name}")
        if failure is not None:
            raise failure


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


NEW = {name: f"new {name}" for name in NAMES}
OLD = dict.fromkeys(NAMES, "old")


@pytest.fixture
def existing(tmp_path):
    for name, text in OLD.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_success_makes_the_folder_and_moves_every_file(tmp_path):
    output = tmp_path / "new" / "folder"
    write(output)
    assert contents(output) == NEW


def test_nothing_has_its_final_name_before_the_end(tmp_path):
    output = tmp_path / "new"
    with atomic_write(output, NAMES, overwrite=False) as folder:
        for name in NAMES:
            (folder / name).write_text("new")
        assert folder.parent == output
        assert names(output) == [folder.name]
        assert folder.name.startswith(".partial-")
    assert names(output) == NAMES


@pytest.mark.parametrize(
    "failure",
    [ValueError("no"), KeyboardInterrupt(), SystemExit(3)],
    ids=lambda failure: type(failure).__name__,
)
def test_a_failure_leaves_no_folder_that_was_not_there(tmp_path, failure):
    with pytest.raises(type(failure)):
        write(tmp_path / "new" / "folder", failure=failure)
    assert names(tmp_path) == []


@pytest.mark.parametrize("failure", [ValueError("no"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_a_failure_leaves_older_files_as_they_were(existing, failure):
    with pytest.raises(type(failure)):
        write(existing, failure=failure, overwrite=True)
    assert contents(existing) == OLD


def test_older_files_stay_until_the_new_ones_are_whole(existing):
    with atomic_write(existing, NAMES, overwrite=True) as folder:
        for name in NAMES:
            (folder / name).write_text(f"new {name}")
            assert {name: (existing / name).read_text() for name in NAMES} == OLD
    assert contents(existing) == NEW


def test_a_file_that_was_not_written_leaves_everything_as_it_was(existing):
    with (
        pytest.raises(FileNotFoundError),
        atomic_write(existing, NAMES, overwrite=True) as folder,
    ):
        (folder / NAMES[0]).write_text("new")
    assert contents(existing) == OLD


def test_existing_files_are_refused_before_anything_is_made(existing, refusal):
    error_line = refusal(OutputError, write, existing)
    assert error_line == f"{existing / NAMES[0]} exists: give --overwrite, or another --output"
    assert contents(existing) == OLD


def test_a_folder_under_a_final_name_is_refused_and_the_other_files_stay(existing, refusal):
    (existing / NAMES[1]).unlink()
    (existing / NAMES[1]).mkdir()
    error_line = refusal(OutputError, write, existing, overwrite=True)
    assert f"{existing / NAMES[1]} is a folder" in error_line
    assert (existing / NAMES[0]).read_text() == "old"
    assert names(existing) == NAMES


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_move_that_fails_undoes_the_moves_before_it(tmp_path, monkeypatch, overwrite):
    if overwrite:
        for name, text in OLD.items():
            (tmp_path / name).write_text(text)
    replace = Path.replace

    def fail_on_the_second(path, target):
        if path.parent.name.startswith(".partial-") and target == tmp_path / NAMES[1]:
            raise KeyboardInterrupt
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", fail_on_the_second)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, overwrite=overwrite)
    assert contents(tmp_path) == (OLD if overwrite else {})


def test_a_failure_leaves_what_others_put_into_the_folder_meanwhile(tmp_path):
    output = tmp_path / "new"
    with pytest.raises(FileNotFoundError), atomic_write(output, NAMES, overwrite=False):
        (output / "theirs.txt").write_text("precious")
    assert contents(output) == {"theirs.txt": "precious"}


def test_a_file_in_place_of_the_folder_is_refused(tmp_path, refusal):
    (tmp_path / "taken").write_text("mine")
    for output in (tmp_path / "taken", tmp_path / "taken" / "below"):
        assert "is a file, or inside one" in refusal(OutputError, write, output)
    assert contents(tmp_path) == {"taken": "mine"}


def test_a_folder_that_cannot_be_made_leaves_no_parents(tmp_path, refusal):
    error_line = refusal(OutputError, write, tmp_path / "new" / ("n" * 300))
    assert "cannot be written (File name too long)" in error_line
    assert names(tmp_path) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_in_words(tmp_path, refusal, number):
    error_line = refusal(OutputError, write, tmp_path / "new", failure=OSError(number, "full"))
    assert f"no space left while writing to {tmp_path / 'new'}" in error_line
    assert names(tmp_path) == []


def test_another_error_of_the_system_passes_through(tmp_path):
    with pytest.raises(OSError, match="worn"):
        write(tmp_path / "new", failure=OSError(errno.EIO, "worn"))
    assert names(tmp_path) == []


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_regular_file_is_refused_and_stays(tmp_path, refusal, kind, overwrite):
    place = tmp_path / "out" / NAMES[1]
    place.parent.mkdir()
    (tmp_path / "precious").write_text("mine")
    if kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(tmp_path / ("precious" if kind == "link" else "none"))
    error_line = refusal(OutputError, write, place.parent, overwrite=overwrite)
    assert error_line.startswith(
        f"{place} is {'not a regular file' if kind == 'pipe' else 'a link'}: remove it"
    )
    assert names(place.parent) == [NAMES[1]]
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (tmp_path / "none").exists()


def test_an_output_folder_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write(tmp_path / "link")
    assert contents(tmp_path / "real") == NEW


def test_what_is_read_is_not_replaced(tmp_path, refusal):
    read, output = tmp_path / "checkpoint.pth", tmp_path / "out"
    read.write_text("precious")
    output.mkdir()
    os.link(read, output / NAMES[0])

    def write_over():
        with atomic_write(output, NAMES, overwrite=True, inputs=[tmp_path / "none", read]):
            raise AssertionError("refused before")

    error_line = refusal(OutputError, write_over)
    assert error_line == f"{output / NAMES[0]} would replace the input {read}: give another --output"
    assert read.read_text() == "precious"


def test_names_that_no_file_system_takes_are_refused(tmp_path, refusal):
    error_line = refusal(OutputError, write, tmp_path, names=["n" * 300])
    assert "cannot be written (File name too long)" in error_line
    assert names(tmp_path) == []
