"""`predict`: pictures of every kind in, labels and scores out, and a page."""

import json
import shutil
import subprocess
import sys

import onnx
import pytest
from cli.command import ONNX_FILE, TFLITE_FILE, TOOL, shared
from example_images import digits as images

FILES = (ONNX_FILE, TFLITE_FILE)


@pytest.fixture(scope="module")
def digit_folder(tmp_path_factory):
    return shared(tmp_path_factory, "digit-images", images.write_images) / "test"


@pytest.fixture
def few(digit_folder, folder):
    """A folder with a few digits of three classes, one of them in a wrong folder."""
    place = folder / "few"
    for label in ("1", "2", "7"):
        (place / label).mkdir(parents=True)
        for path in sorted((digit_folder / label).iterdir())[:2]:
            shutil.copy(path, place / label)
    (place / "1" / path.name).write_bytes(path.read_bytes())
    return place


def one(digit_folder, label="3"):
    return min((digit_folder / label).iterdir())


@pytest.mark.parametrize("name", FILES)
def test_the_classes_of_an_image_stand_below_each_other(tool_here, digits, digit_folder, name):
    ran = tool_here("predict", digits / name, one(digit_folder), "--top", 3)
    assert (ran.code, ran.errors) == (0, "")
    lines = ran.output.splitlines()
    assert len(lines) == 3
    assert lines[0].endswith("%  3")
    assert float(lines[0].split("%")[0]) > 90


def test_a_folder_gives_a_line_for_each_image_and_how_many_are_right(tool_here, digits, few):
    ran = tool_here("predict", digits / ONNX_FILE, few)
    assert ran.code == 0, ran.errors
    *lines, last = ran.output.splitlines()
    assert [line.split()[0] for line in lines] == [
        path.relative_to(few).as_posix() for path in sorted(few.glob("*/*"))
    ]
    assert all(len(line) < 80 for line in lines)
    assert [line.split()[1] for line in lines] == ["1", "1", "7", "2", "2", "7", "7"]
    assert [" (in folder 1)" in line for line in lines] == [False, False, True, *[False] * 4]
    assert last == "6 of 7 images in the folder of their class: 85.71%"


def test_json_holds_everything(tool_here, digits, few, digit_folder):
    ran = tool_here("predict", digits / TFLITE_FILE, few, one(digit_folder), "--top", 2, "--json")
    found = json.loads(ran.output)
    assert (found["labelled"], found["right"], found["skipped"]) == (7, 6, 0)
    *in_folders, alone = found["images"]
    assert [each["label"] for each in in_folders] == ["1", "1", "1", "2", "2", "7", "7"]
    assert "label" not in alone
    assert alone["image"] == str(one(digit_folder))
    best, second = alone["classes"]
    assert (best["label"], best["index"]) == ("3", 3)
    assert best["score"] > 0.9 > second["score"]


def test_an_image_comes_over_standard_input(digits, digit_folder, folder):
    command = [TOOL, "predict", digits / TFLITE_FILE, "-"]
    with one(digit_folder).open("rb") as image:
        ran = subprocess.run(command, stdin=image, capture_output=True, text=True, cwd=folder, check=True)
    assert ran.stdout.splitlines()[0].endswith("%  3")
    ran = subprocess.run(command, input="no image", capture_output=True, text=True, cwd=folder, check=False)
    assert ran.returncode == 1
    assert ran.stderr.startswith("error: standard input cannot be read as an image")


def test_unreadable_pictures_are_refused_or_skipped(tool_here, digits, few):
    (few / "2" / "broken.png").write_bytes(b"no image")
    ran = tool_here("predict", digits / ONNX_FILE, few)
    assert ran.code == 1
    assert "broken.png cannot be read as an image" in ran.errors
    assert "give --skip-unreadable" in ran.errors
    ran = tool_here("predict", digits / ONNX_FILE, few, "--skip-unreadable")
    assert ran.code == 0
    assert "note: skipped because they are not readable images: 1 file" in ran.errors
    ran = tool_here("predict", digits / ONNX_FILE, few / "2" / "broken.png", "--skip-unreadable")
    assert "none of the pictures can be read" in ran.refusal()


def test_the_page_shows_the_mistake_first(tool_here, digits, few, folder):
    ran = tool_here("predict", digits / ONNX_FILE, few, "--show", "page.html")
    assert ran.code == 0, ran.errors
    page = (folder / "page.html").read_text()
    assert page.count("<figure") == page.count("data:image/jpeg") == 7
    assert page.index("Mistakes") < page.index("in folder <strong>1</strong>") < page.index("<h2>Right")
    assert tool_here("predict", digits / ONNX_FILE, few, "--show", "page.html").code == 1
    assert tool_here("predict", digits / ONNX_FILE, few, "--show", "page.html", "--overwrite").code == 0


def foreign(digits, folder):
    model = onnx.load(digits / ONNX_FILE)
    del model.metadata_props[:]
    onnx.save(model, folder / "foreign.onnx")
    (folder / "labels.txt").write_text("".join(f"digit {number}\n" for number in range(10)))
    return "foreign.onnx"


DESCRIBED = (
    "--labels",
    "labels.txt",
    "--input-size",
    "96",
    "--resize",
    "96",
    "--mean",
    "0.5",
    "--std",
    "0.5",
)


def test_a_file_of_another_tool_is_described_by_options(tool_here, digits, digit_folder, folder):
    name, image = foreign(digits, folder), one(digit_folder)
    ran = tool_here("predict", name, image)
    assert "give `evaluate`, `predict` or `deploy` --input-size, --labels, --mean and --std" in ran.refusal()
    ran = tool_here("predict", name, image, "--labels", "labels.txt")
    assert "does not state its preprocessing: give --input-size, --mean, --std as well" in ran.refusal()
    ran = tool_here("predict", name, image, *DESCRIBED)
    assert ran.code == 0, ran.errors
    assert ran.output.splitlines()[0].endswith("%  digit 3")
    assert "note: foreign.onnx was not written by this tool" in ran.errors
    ran = tool_here("predict", name, image, *DESCRIBED, "--scores", "softmax")
    assert ran.code == 0, ran.errors  # then logits are shown as they are


@pytest.mark.parametrize(
    ("arguments", "error_line"),
    [
        (("--top", "0"), "--top 0: give a whole number from 1 to 1,000"),
        (("--threads", "0"), "threads 0: give a whole number"),
        (("--mean", "0.5"), "has a fixed preprocessing: leave --mean out"),
        (("--scores", "softmax"), "states itself what it gives: leave --scores out"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_settings_that_do_not_apply_are_refused(tool_here, digits, digit_folder, arguments, error_line):
    ran = tool_here("predict", digits / ONNX_FILE, one(digit_folder), *arguments)
    assert ran.code == 1
    assert error_line in ran.refusal()


def test_labels_of_the_user_replace_those_of_the_file(tool_here, digits, digit_folder, folder):
    foreign(digits, folder)
    ran = tool_here("predict", digits / ONNX_FILE, one(digit_folder), "--labels", "labels.txt")
    assert ran.output.splitlines()[0].endswith("%  digit 3")


def test_a_damaged_file_is_no_end_of_the_command(tool_here, digits, digit_folder, folder):
    content = (digits / TFLITE_FILE).read_bytes()
    (folder / "half.tflite").write_bytes(content[: len(content) // 2])
    ran = tool_here("predict", "half.tflite", one(digit_folder))
    assert ran.code == 1
    assert "half.tflite" in ran.refusal()


# --- Cameras


def program(folder, code):
    """A folder for PATH with an ffmpeg that does what the code says."""
    folder.mkdir()
    (folder / "ffmpeg").write_text(f"#!{sys.executable}\n{code}")
    (folder / "ffmpeg").chmod(0o755)
    return str(folder)


def test_a_camera_is_read_by_ffmpeg(tool, digits, digit_folder, tmp_path):
    shows = (
        "import sys\nassert sys.argv[sys.argv.index('-i') + 1] == '/dev/video7'\n"
        f"sys.stdout.buffer.write(open({str(one(digit_folder))!r}, 'rb').read())"
    )
    ran = tool("predict", digits / TFLITE_FILE, "/dev/video7", PATH=program(tmp_path / "bin", shows))
    assert ran.code == 0, ran.errors
    assert ran.output.splitlines()[0].endswith("%  3")


def test_a_camera_that_gives_nothing_is_named_with_the_reason(tool, digits, tmp_path):
    fails = "import sys; print('/dev/video7: No such\\nfile', file=sys.stderr); sys.exit(1)"
    ran = tool("predict", digits / TFLITE_FILE, "/dev/video7", PATH=program(tmp_path / "bin", fails))
    assert ran.code == 1
    assert "/dev/video7 cannot be read by ffmpeg (/dev/video7: No such file): check" in ran.refusal()
    ran = tool("predict", digits / TFLITE_FILE, "/dev/video7", PATH=str(tmp_path))
    assert "which is not installed: install it, or save a frame" in ran.refusal()
