"""Whatever is wrong with a command, it says so in one line, with the right exit code, and leaves nothing."""

import os
import subprocess
from contextlib import contextmanager

import pytest
import torch
from cli.command import DIGITS, FILES, ONNX_FILE, names
from safetensors.torch import save_file

CANNOT_MOUNT = "only root can mount file systems"


@pytest.fixture
def refused(tool_here, folder):
    """Runs what must fail; gives its complaint, and holds the folder to what it was before."""

    def call(*arguments) -> str:
        before = sorted(folder.rglob("*"))
        ran = tool_here(*arguments)
        assert ran.code == 1, ran.errors
        assert sorted(folder.rglob("*")) == before
        return ran.refusal()

    return call


@contextmanager
def mounted(folder, *options):
    folder.mkdir()
    subprocess.run(["mount", *options, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason=CANNOT_MOUNT)


# --- What to export


def test_a_refusal_of_the_console_script(tool, folder):
    ran = tool("export", "m9")
    assert ran.code == 1
    assert "m9 is neither a variant" in ran.refusal()
    assert names(folder) == []


def test_a_variant_that_does_not_exist(refused):
    assert "m9 is neither a variant (m0, m1, m2, m3) nor an existing checkpoint" in refused("export", "m9")


def test_a_format_that_nobody_writes(refused):
    assert "unknown format 'coreml': choose from c, onnx, tflite" in refused(
        "export", "m0", "--format", "coreml"
    )


@pytest.mark.parametrize("arguments", [("none.pth",), ("m0", "--checkpoint", "none.pth")], ids=" ".join)
def test_a_missing_checkpoint(refused, arguments):
    assert "checkpoint none.pth does not exist" in refused("export", *arguments)


@pytest.mark.parametrize(
    ("content", "error_line"),
    [
        pytest.param(b"", "is empty (0 bytes)", id="empty"),
        pytest.param(DIGITS.read_bytes()[:100_000], "is a damaged safetensors file", id="truncated"),
        pytest.param(b"not a checkpoint\n" * 9, "is not a checkpoint", id="text"),
    ],
)
def test_a_file_that_is_no_checkpoint(refused, folder, content, error_line):
    (folder / "bad.safetensors").write_bytes(content)
    assert error_line in refused("export", "bad.safetensors")


def test_a_checkpoint_of_another_network(refused, folder):
    save_file({"fc.weight": torch.zeros(10, 512)}, folder / "resnet.safetensors")
    assert "resnet.safetensors is not a MicroNet" in refused("export", "resnet.safetensors")


def test_a_checkpoint_given_twice(refused):
    error_line = refused("export", DIGITS, "--checkpoint", DIGITS)
    assert "--checkpoint applies to a variant only (m0, m1, m2, m3), not to" in error_line


def test_a_checkpoint_of_another_variant(refused):
    assert "holds m0, not m1" in refused("export", "m1", "--checkpoint", DIGITS)


def test_a_checkpoint_of_other_classes(refused):
    assert "holds 10 classes, not 7" in refused("export", DIGITS, "--num-classes", "7")


@pytest.mark.parametrize(
    ("content", "error_line"),
    [
        pytest.param(b"zero\none\ntwo\n", "names 3 classes, the network has 10", id="three labels"),
        pytest.param(b"\xff\xfezero\n" * 10, "give UTF-8 text with one label per line", id="not UTF-8"),
        pytest.param(None, "labels.txt does not exist", id="missing"),
    ],
)
def test_a_bad_labels_file(refused, folder, content, error_line):
    if content is not None:
        (folder / "labels.txt").write_bytes(content)
    assert error_line in refused("export", DIGITS, "--labels", "labels.txt")


@pytest.mark.parametrize(
    ("arguments", "error_line"),
    [
        (("--input-size", "0"), "input size 0 px: give 1 px or more"),
        (("--input-size", "5000"), "at most 4096 px"),
        (("--batch", "0"), "--batch 0: give a whole number from 1 to 1,024, since a file is proven"),
        (("--batch", "-3"), "--batch -3: give a whole number from 1 to 1,024"),
        (("--batch", str(2**31)), "--batch 2147483648: give a whole number from 1 to 1,024"),
        (("--batch", str(10**400)), "--batch with more than 20 digits: give a whole number from 1 to 1,024"),
        (("--batch", "dynamic"), "a TFLite file has a fixed batch: give --batch N, or --format onnx alone"),
        (("--num-classes", "0"), "at least one class, not 0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_setting_out_of_range(refused, arguments, error_line):
    source = "m0" if "--num-classes" in arguments else DIGITS
    assert error_line in refused("export", source, *arguments)


# --- Wrong usage


@pytest.mark.parametrize(
    "arguments",
    [
        ("export",),
        ("export", "m0", "--colour", "blue"),
        ("export", "m0", "--input-size", "large"),
        ("export", "m0", "--batch", "x"),
        ("verify", "file.onnx"),
        ("deport", "m0"),
    ],
    ids=" ".join,
)
def test_wrong_usage_has_an_exit_code_of_its_own(tool, folder, arguments):
    ran = tool(*arguments)
    assert ran.code == 2, ran.errors
    assert "Usage: micronet-edge" in ran.errors
    assert "Traceback" not in ran.errors
    assert names(folder) == []


# --- Where to


def test_an_output_folder_that_is_a_file(refused, folder):
    (folder / "taken").write_text("mine")
    for output in ("taken", "taken/below"):
        error_line = refused("export", DIGITS, "--output", output, "--format", "onnx")
        assert f"{output} is a file, or inside one: give a folder" in error_line
    assert (folder / "taken").read_text() == "mine"


def test_an_output_folder_that_cannot_be_made(refused):
    error_line = refused("export", DIGITS, "--output", "/proc/here", "--format", "onnx")
    assert "/proc/here cannot be written (No such file or directory): give another folder" in error_line


@needs_root
def test_a_read_only_output_folder(refused, tmp_path):
    with mounted(tmp_path / "read-only", "-t", "tmpfs", "-o", "ro") as output:
        for below in (output, output / "new"):
            error_line = refused("export", DIGITS, "--output", below, "--format", "onnx")
            assert f"{below} cannot be written (Read-only file system)" in error_line


@needs_root
@pytest.mark.parametrize("room", ["256k", "4k"])
def test_a_full_disk(refused, tmp_path, room):
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", f"size={room}") as output:
        (output / ONNX_FILE).write_text("older")
        error_line = refused("export", DIGITS, "--output", output, "--format", "onnx", "--overwrite")
        assert "no space left" in error_line.lower()
        assert names(output) == [ONNX_FILE]
        assert (output / ONNX_FILE).read_text() == "older"


@pytest.mark.parametrize("existing", sorted(FILES))
def test_an_existing_file(refused, folder, existing):
    (folder / existing).write_text("older")
    assert f"error: {existing} exists: give --overwrite" in refused("export", DIGITS)
    assert (folder / existing).read_text() == "older"


def test_a_folder_where_a_file_belongs_cannot_be_overwritten(refused, folder):
    (folder / ONNX_FILE).mkdir()
    error_line = refused("export", DIGITS, "--format", "onnx", "--overwrite")
    assert f"{ONNX_FILE} is a folder" in error_line


# --- For those who want to know more


def test_debug_shows_the_traceback(tool):
    ran = tool("export", "none.pth", "--debug")
    assert ran.code == 1
    assert "Traceback" in ran.errors
    assert "CheckpointError: checkpoint none.pth does not exist" in ran.errors
