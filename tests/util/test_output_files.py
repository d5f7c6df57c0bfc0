"""One way of writing a file that somebody named: it destroys nothing, and what is there works on."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from micronet_edge.errors import OutputError
from micronet_edge.util.output_files import check_reports, write_bytes, write_text


def check(path, *, other=None, inputs=(), overwrite=True):
    check_reports({"--output": path, "--html": other}, inputs=inputs, overwrite=overwrite)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "me.tflite"
    path.write_text("precious")
    return path


# --- What is refused


def test_what_exists_is_refused_unless_asked_for(model, refusal):
    error_line = f"{model} exists: give --overwrite, or another name"
    assert error_line == refusal(OutputError, check, model, overwrite=False)
    assert error_line == refusal(OutputError, write_text, "new", model, overwrite=False)
    assert model.read_text() == "precious"
    check(model)
    write_text("new", model, overwrite=True)
    assert model.read_text() == "new"


@pytest.mark.parametrize("way", ["itself", "link", "hard link", "through a folder", "dangling then made"])
def test_what_is_read_is_refused_however_it_is_called(model, tmp_path, refusal, way):
    place = tmp_path / "other.html"
    if way == "itself":
        place = model
    elif way == "link":
        place.symlink_to(model)
    elif way == "hard link":
        os.link(model, place)
    elif way == "through a folder":
        (tmp_path / "folder").symlink_to(tmp_path)
        place = tmp_path / "folder" / model.name
    else:
        place.symlink_to(tmp_path / "." / model.name)
    for option in ("--output", "--html"):
        error_line = refusal(
            OutputError, check_reports, {option: place}, inputs=[tmp_path / "none", model], overwrite=True
        )
        assert error_line == f"{option} {place} would replace the input {model}: give another name"


def test_an_image_of_a_folder_that_is_read_is_refused(tmp_path, refusal):
    (tmp_path / "images" / "cat").mkdir(parents=True)
    picture = tmp_path / "images" / "cat" / "1.png"
    picture.touch()
    assert "lies in the input folder" in refusal(OutputError, check, picture, inputs=[tmp_path / "images"])
    check(picture.with_name("new.json"), inputs=[tmp_path / "images"])


@pytest.mark.parametrize("exists", [True, False])
def test_one_place_for_two_reports_is_refused(tmp_path, refusal, exists):
    one, two = tmp_path / "x", tmp_path / "sub" / ".." / "x"
    (tmp_path / "sub").mkdir()
    if exists:
        one.touch()
    error_line = refusal(OutputError, check, one, other=two)
    assert error_line == f"--output and --html both name {one}: give two different files"
    check(Path(os.devnull), other=Path(os.devnull))


@pytest.mark.parametrize(
    ("place", "error_line"),
    [
        (".", "is a folder: give the name of a file"),
        ("none/x.html", "none is not a folder: create it"),
        ("me.tflite/x.html", "me.tflite is not a folder"),
        ("n" * 300, "cannot be written (File name too long)"),
        ("loop", "cannot be written (Too many levels of symbolic links)"),
        ("dangling", "none is not a folder"),
    ],
)
@pytest.mark.usefixtures("model")
def test_a_place_where_nothing_can_lie_is_refused(tmp_path, refusal, place, error_line):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to(tmp_path / "none" / "x")
    before = sorted(tmp_path.iterdir())
    assert error_line in refusal(OutputError, check, tmp_path / place, inputs=[tmp_path / "me.tflite"])
    assert error_line in refusal(OutputError, write_text, "new", tmp_path / place, overwrite=True)
    assert sorted(tmp_path.iterdir()) == before


# --- What is written through


def test_a_link_is_followed_and_stays(model, tmp_path, refusal):
    link = tmp_path / "elsewhere" / "link.html"
    link.parent.mkdir()
    link.symlink_to(model)
    assert "exists" in refusal(OutputError, write_text, "new", link, overwrite=False)
    write_text("new", link, overwrite=True)
    assert link.is_symlink()
    assert model.read_text() == "new"
    assert [path.name for path in link.parent.iterdir()] == ["link.html"]


def test_a_link_to_nothing_makes_its_target(tmp_path):
    (tmp_path / "link").symlink_to("target")
    write_text("new", tmp_path / "link", overwrite=False)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_device_stays_a_device(tmp_path, overwrite):
    node = tmp_path / "null"
    if os.geteuid() == 0:
        os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    else:
        node = Path(os.devnull)
    check(node, overwrite=overwrite)
    try:
        write_text("gone", node, overwrite=overwrite)
    except OutputError as error:  # a file system without devices
        assert "cannot be written" in str(error)  # noqa: PT017
    assert stat.S_ISCHR(node.stat().st_mode)


def test_a_full_device_says_so(refusal):
    error_line = refusal(OutputError, write_text, "x" * 100_000, Path("/dev/full"), overwrite=False)
    assert error_line == "no space left while writing to /dev/full: free some, or give another place"
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


def test_a_pipe_gets_the_text(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    check(pipe, overwrite=False)
    write_bytes(b"x" * 100_000, pipe, overwrite=False)
    reader.join(30)
    assert read == [b"x" * 100_000]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_the_own_output_is_written_into(tmp_path, kind):
    code = (
        "import sys; from pathlib import Path; from micronet_edge.util.output_files import write_text;"
        "print('before', flush=True); write_text('page\\n', Path('/dev/stdout'), overwrite=False);"
        "print('after')"
    )
    with (tmp_path / "out").open("w+") as file:
        to = subprocess.PIPE if kind == "pipe" else file
        done = subprocess.run([sys.executable, "-c", code], stdout=to, text=True, check=True)
        written = done.stdout if kind == "pipe" else (tmp_path / "out").read_text()
    assert written == "before\npage\nafter\n"
    assert Path("/dev/stdout").is_symlink()
