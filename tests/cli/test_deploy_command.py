"""`deploy` as a person runs it."""

import json

import pytest
from cli.command import ONNX_FILE, TFLITE_FILE, names


def test_it_writes_an_app_and_says_where(tool_here, digits, folder):
    ran = tool_here("deploy", digits / ONNX_FILE, "--to", "python", "--output", "app")
    assert (ran.code, ran.errors) == (0, "")
    assert ran.output == "5 files in app: its README.md says how to start the app\n"
    assert names(folder / "app") == [
        "README.md",
        "classify.py",
        "labels.txt",
        "model.onnx",
        "requirements.txt",
    ]


def test_it_says_as_json_what_it_wrote(tool_here, digits, folder):
    ran = tool_here("deploy", digits / TFLITE_FILE, "--to", "cpp", "--output", "app", "--json")
    told = json.loads(ran.output)
    assert (told["to"], told["output"], told["assumption"]) == ("cpp", "app", None)
    assert told["files"] == names(folder / "app")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--to", "toaster", "--output", "app"), 2, "--to"),
        (("--to", "python"), 2, "--output"),
        (("--to", "python", "--output", "."), 1, "is not empty: give --overwrite, or another --output"),
        (("--to", "cpp", "--output", "app", "--input-size", "64"), 1, "leave --input-size out"),
    ],
)
def test_what_it_cannot_do_is_said_before_anything_is_written(
    tool_here, digits, folder, arguments, code, said
):
    (folder / "mine").touch()
    ran = tool_here("deploy", digits / ONNX_FILE, *arguments)
    assert ran.code == code
    assert said in ran.errors
    assert names(folder) == ["mine"]
