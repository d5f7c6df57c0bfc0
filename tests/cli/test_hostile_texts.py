"""Names, labels and results that try to steer the terminal or a page: wherever they are shown, they show."""

import html
import io
import json
import os
import pty
import re
import subprocess

import pytest
from cli.command import DIGITS, ONNX_FILE, TOOL

from micronet_edge.util.safe_console import SafeConsole
from micronet_edge.util.safe_text import escape, visible
from micronet_edge.util.terminal import say

EVIL = {
    "colour": "\x1b[31mRED",
    "title": "\x1b]0;T\x07",
    "eight bits": "\x9b31m",
    "back": "a\b\b\rb",
    "turned": "a\u202eb\u2066c",
    "lines": "a\u2028b\u2029c\x85d",
    "half": "a\udcffb\ud83d",
    "null": "a\x00b",
    "erase": "a\x7fb",
}
MARKUP = ("[/red].png", "[bold]x[/bold]", "[link=http://x]y[/link]", ":smile:", "\\[x]", "[@click=1]z")

OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def test_what_would_be_obeyed_is_spelled_and_nothing_else():
    for text in EVIL.values():
        assert not OBEYED.search(visible(text))
        assert not OBEYED.search(escape(text))
    for text in (*MARKUP, "Ünïcode 日本語 \N{SMILING FACE WITH OPEN MOUTH} e\u0301 10 %"):
        assert visible(text) == text
    assert visible("a\nb") == "a\\nb"
    assert visible("a\nb", keep="\n") == "a\nb"
    assert visible(EVIL["colour"]) == "\\x1b[31mRED"
    assert escape("<b>\x1b'&\"") == "&lt;b&gt;\\x1b&#x27;&amp;&quot;"


# --- Everything that prints


def ways_to_print():
    from rich.table import Table
    from rich.text import Text

    def table(console, text):
        made = Table(title=text, caption=text)
        made.add_column(text, footer=text)
        made.add_row(text)
        console.print(made)

    def status(console, text):
        with console.status(Text(text)):
            console.print(text)

    return {
        "text": lambda console, text: console.print(text),
        "styled": lambda console, text: console.print(text, style="bold red"),
        "made text": lambda console, text: console.print(Text(text)),
        "table": table,
        "status": status,
    }


@pytest.mark.parametrize("terminal", [False, True], ids=["a pipe", "a terminal"])
@pytest.mark.parametrize("way", ways_to_print())
@pytest.mark.parametrize("text", [*EVIL.values(), *MARKUP], ids=[*EVIL, *MARKUP])
def test_a_console_shows_it(text, way, terminal):
    written = io.StringIO()
    console = SafeConsole(width=200)
    console.file = written
    console._force_terminal = terminal
    ways_to_print()[way](console, text)
    # What rich itself writes to a terminal: colours, the cursor, lines erased.
    shown = re.sub(r"\x1b\[[0-9;?]*[mKAhl]|\r", "", written.getvalue())
    assert not OBEYED.search(shown.replace("\n", ""))
    stripped = re.sub("[\a\b\v\f\r]", "", text) if way == "made text" else text  # by rich
    assert visible(stripped) in shown


@pytest.mark.parametrize("text", EVIL.values(), ids=EVIL)
def test_a_line_stays_a_line(text, capsys):
    say(f"{text}\nerror: forged")
    output = capsys.readouterr().out
    assert output.count("\n") == 1
    assert not OBEYED.search(output.replace("\n", ""))


# --- Commands


@pytest.mark.parametrize("text", EVIL.values(), ids=EVIL)
@pytest.mark.parametrize(
    "command", ["export", "evaluate", "predict", "count", "bench", "sensitivity", "train", "tune", "verify"]
)
def test_a_complaint_shows_it(tool_here, command, text):
    name = f"{text}.onnx".replace("\x00", "\x01").replace("\ud83d", "")  # no name has these
    more = {
        "evaluate": ("--data", "x"),
        "predict": ("x.png",),
        "sensitivity": ("--checkpoint", "x", "--calibration", "x"),
        "verify": ("--checkpoint", "x"),
    }
    ran = tool_here(command, name, *more.get(command, ()))
    assert ran.code == 1
    assert not OBEYED.search(ran.errors.replace("\n", ""))
    assert visible(name) in ran.refusal()


@pytest.mark.parametrize("arguments", [("export", "m0", "--{}"), ("{}",), ("bench", "x", "--threads", "{}")])
def test_wrong_usage_shows_it(tool_here, arguments):
    ran = tool_here(*(each.format("\x1b[31mRED\x9b") for each in arguments))
    assert ran.code == 2
    assert not OBEYED.search(ran.errors.replace("\n", ""))
    assert "\\x1b[31mRED" in ran.errors or "RED" not in ran.errors  # typer quotes not all values


def test_a_traceback_shows_it(tool_here):
    ran = tool_here("count", "\x1b[31mRED.onnx", "--debug")
    assert ran.code == 1
    assert "Traceback" in ran.errors
    assert "\x1b" not in ran.errors


@pytest.mark.parametrize("name", MARKUP[:3])
def test_markup_in_the_name_of_a_folder_is_no_markup(tool_here, folder, name):
    output = name.replace("/", "\N{DIVISION SLASH}") if "link" in name else name
    ran = tool_here("export", DIGITS, "--format", "onnx", "--output", output)
    assert ran.code == 0, ran.errors
    assert f"in {output}" in ran.output
    assert (folder / output / ONNX_FILE).is_file()


def test_results_of_others_show_what_they_hold(tool_here, folder, digits):
    assert (
        tool_here("bench", digits / ONNX_FILE, "--runs", "2", "--processes", "1", "--output", "r.json").code
        == 0
    )
    values = json.loads((folder / "r.json").read_text())
    # Half a character is refused before anything is shown.
    text = "".join(text for name, text in EVIL.items() if name != "half") + "<script>"
    values["runs"][0]["device"] = values["runs"][0]["files"][0]["name"] = text
    values["runs"][0]["environment"]["cpu"] = values["runs"][0]["environment"]["system"] = text
    (folder / "evil.json").write_text(json.dumps(values))
    ran = tool_here("bench", "evil.json", "--html", "evil.html")
    assert ran.code == 0, ran.errors
    page = (folder / "evil.html").read_text()
    for shown in (ran.output, ran.errors, page):
        assert not OBEYED.search(shown.replace("\n", ""))
    assert visible("\x1b[31mRED") in ran.output
    assert html.escape(visible(text)) in page
    assert "<script>" not in page


# --- Outputs that take little or nothing


def run(command, **how):
    return subprocess.run(command, capture_output=True, encoding="latin-1", check=False, **how)


def test_a_reader_that_ends_early_ends_the_tool_quietly():
    ran = run(["bash", "-c", f"{TOOL} models | true; echo ${{PIPESTATUS[0]}}"])
    assert (ran.stdout, ran.stderr) == ("141\n", "")


@pytest.mark.parametrize("arguments", ["models", "models --json", "--help", "count m0"])
def test_a_full_disk_behind_the_output_is_one_line(arguments):
    ran = run(["bash", "-c", f"{TOOL} {arguments} > /dev/full"])
    assert ran.returncode == 1
    assert (
        ran.stderr == "error: the output cannot be printed (No space left on device): redirect it elsewhere\n"
    )


def test_without_any_output_it_works():
    ran = run(["bash", "-c", f"{TOOL} models >&- 2>&-"])
    assert ran.returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_an_encoding_without_a_character_gets_it_spelled(encoding):
    name = os.fsdecode(b"\xff\xe6\x97\xa5.onnx")
    ran = run([TOOL, "export", name], env=os.environ | {"PYTHONIOENCODING": encoding})
    assert ran.returncode == 1
    assert "error: " in ran.stderr
    assert "Traceback" not in ran.stderr


def test_on_a_real_terminal_no_sequence_of_a_name_comes_through():
    leader, follower = pty.openpty()
    name = "\x1b]0;TITLE\x07\x1b[35m.onnx"
    done = subprocess.run([TOOL, "count", name], stdout=follower, stderr=follower, check=False)
    os.close(follower)
    said = os.read(leader, 10_000).decode()
    os.close(leader)
    assert done.returncode == 1
    assert "\x1b]0;" not in said
    assert "\x1b[35m" not in said
    assert "\\x1b]0;TITLE" in said
