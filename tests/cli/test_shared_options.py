"""Options that commands share are the same in each, and reach it as one object."""

from dataclasses import dataclass, fields
from typing import Annotated

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from micronet_edge.cli import app
from micronet_edge.cli.file_options import FileOptions
from micronet_edge.cli.options import NetworkOptions
from micronet_edge.cli.shared_options import with_shared_options


@dataclass(frozen=True, kw_only=True)
class Colours:
    """What a command may be told of colours."""

    first: Annotated[str, typer.Option(help="The first.")] = "red"
    count: Annotated[int, typer.Option(help="How many.")] = 2


@pytest.fixture
def called():
    return []


@pytest.fixture
def paint(called):
    @with_shared_options
    def paint(what: str, *, colours: Colours, twice: bool = False) -> None:
        """Paint something."""
        called.append((what, colours, twice))

    return paint


def test_the_fields_are_options_and_come_back_as_one_object(paint, called):
    tool = typer.Typer()
    tool.command()(paint)
    for arguments in (["house"], ["house", "--first", "blue", "--count", "3", "--twice"]):
        assert CliRunner().invoke(tool, arguments).exit_code == 0
    assert called == [("house", Colours(), False), ("house", Colours(first="blue", count=3), True)]
    assert CliRunner().invoke(tool, ["house", "--colours", "x"]).exit_code == 2


def test_a_call_from_python_leaves_out_what_it_likes(paint, called):
    paint("house", count=5)
    assert called == [("house", Colours(count=5), False)]


@pytest.mark.parametrize(
    ("group", "commands"),
    [(NetworkOptions, ("export", "quantize", "evaluate")), (FileOptions, ("export", "quantize"))],
)
def test_they_say_the_same_wherever_they_stand(group, commands):
    found = get_command(app).commands
    for option in fields(group):
        shown = set()
        for command in commands:
            (parameter,) = (each for each in found[command].params if each.name == option.name)
            shown.add((*parameter.opts, parameter.metavar, parameter.help))
        assert len(shown) == 1, option.name
