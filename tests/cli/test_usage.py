"""What `--help` shows of every command."""

import re

import pytest

from micronet_edge.cli import app

COMMANDS = sorted(command.callback.__name__ for command in app.registered_commands)
FLAGS = ("--help", "--debug", "--json", "--overwrite", "--naive", "--portable", "--profile", "--bootstrap")


def test_there_are_commands():
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_what_an_option_takes_in_a_word_and_of_a_flag_nothing(tool_here, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "200")
    ran = tool_here(command, "--help")
    assert ran.code == 0
    assert not re.search(r"<(bool|str|int|float|path|list)", ran.output, re.IGNORECASE)
    assert "--no-" not in ran.output
    assert "default: no-" not in ran.output
    for line in ran.output.splitlines():
        for flag in FLAGS:
            if found := re.search(rf"{flag} +(\S+) ", line):
                assert found[1][0].isupper()  # the first word of its meaning
                assert not found[1].isupper() or found[1] == "ONNX"  # nothing that it would take
        if found := re.search(r"(--[a-z-]+) +(\S+)  ", line):
            assert re.fullmatch(
                r"[A-Z]+|[A-Z]+\|\w+|ema\|raw\|FILE|[A-Z]+\|FACTORY|<?[a-z]+(\|[a-z]+)+>?|[MS]\[,[MS],[MS]\]|FILE|PATH"
                r"|(\[NAME=\])?[A-Z,]+|NAME\[,NAME\]",
                found[2],
            ), line
