"""No report destroys what a command reads, what was there before, or another report."""

import shutil

import pytest
from cli.command import DIGITS

FILES = ("me.tflite", "me.tflite.manifest.json", "me.safetensors", "r.json", "tuning.json")


@pytest.fixture
def files(folder):
    """A checkpoint, and files that nobody gets as far as reading."""
    for name in FILES:
        (folder / name).write_text(f"precious {name}")
    shutil.copy(DIGITS, folder / "me.safetensors")
    (folder / "link.html").symlink_to("me.tflite")
    return {name: (folder / name).read_bytes() for name in FILES}


BLAME = ("sensitivity", "me.tflite", "--checkpoint", "me.safetensors", "--calibration", "images")


@pytest.mark.parametrize(
    ("arguments", "error_line"),
    [
        (
            ("bench", "me.tflite", "--output", "me.tflite"),
            "--output me.tflite would replace the input me.tflite",
        ),
        (("bench", "me.tflite", "--html", "me.tflite"), "--html me.tflite would replace the input me.tflite"),
        (
            ("bench", "me.tflite", "--output", "me.tflite.manifest.json"),
            "--output me.tflite.manifest.json would replace the input me.tflite.manifest.json",
        ),
        (
            ("bench", "me.tflite", "--html", "./link.html"),
            "--html link.html would replace the input me.tflite",
        ),
        (("bench", "r.json", "--html", "r.json"), "--html r.json would replace the input r.json"),
        (
            ("bench", "me.tflite", "--against", "r.json", "--output", "r.json"),
            "--output r.json would replace the input",
        ),
        (("bench", "me.tflite", "--output", "new", "--html", "new"), "--output and --html both name new"),
        (
            (*BLAME, "--html", "me.safetensors"),
            "--html me.safetensors would replace the input me.safetensors",
        ),
        (
            ("predict", "me.tflite", "i.png", "--show", "me.tflite"),
            "--show me.tflite would replace the input",
        ),
        (
            ("predict", "me.tflite", "r.json", "--show", "r.json"),
            "--show r.json would replace the input r.json",
        ),
        ((*BLAME, "--html", "me.tflite"), "--html me.tflite would replace the input me.tflite"),
        (
            ("tune", "me.safetensors", "--output", "me.safetensors"),
            "--output me.safetensors would replace the input",
        ),
        (
            ("tune", "m0", "--tuning", "tuning.json", "--output", "tuning.json"),
            "would replace the input tuning.json",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
@pytest.mark.parametrize("overwrite", [(), ("--overwrite",)], ids=["", "overwrite"])
def test_what_is_read_is_never_replaced(tool_here, folder, files, arguments, error_line, overwrite):
    ran = tool_here(*arguments, *overwrite)
    assert ran.code == 1
    assert error_line in ran.refusal()
    assert {name: (folder / name).read_bytes() for name in FILES} == files
    assert not (folder / "new").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("bench", "me.tflite", "--output", "r.json"),
        ("bench", "me.tflite", "--html", "tuning.json"),
        ("predict", "me.tflite", "i.png", "--show", "r.json"),
        (*BLAME, "--html", "r.json"),
        ("tune", "m0"),
    ],
    ids=" ".join,
)
def test_what_exists_is_replaced_only_when_asked_for(tool_here, folder, files, arguments):
    ran = tool_here(*arguments)
    assert ran.code == 1
    assert "exists: give --overwrite, or another name" in ran.refusal()
    assert {name: (folder / name).read_bytes() for name in FILES} == files
