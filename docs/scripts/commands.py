"""Writes docs/reference/commands.md: every command with its arguments and options, read from the app.

Run it with the Python of the installed package: `.venv/bin/python docs/scripts/commands.py`.
"""

# ruff: noqa: ANN401 - typer's Click has no public types

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, get_args

import typer

from micronet_edge.cli import app

PAGE = Path(__file__).parents[1] / "reference" / "commands.md"
ABOUT = """# Commands

Every command with its arguments and options. `docs/scripts/commands.py` writes this page from the program,
and a test fails when the two differ. `micronet-edge COMMAND --help` prints the same.

Exit codes: 0 is success; 1 is an error, in one line with the next step; 2 is a command line that the command
does not understand; 130 is an interruption with Ctrl-C. `--debug` shows the traceback.
"""
EXPLAINED = {
    "demo": "../install.md",
    "doctor": "../doctor.md",
    "models": "../explanation/network.md",
    "train": "../training.md",
    "export": "../export.md",
    "quantize": "../quantize.md",
    "verify": "../export.md#verify",
    "evaluate": "../evaluate.md",
    "predict": "../predict.md",
    "deploy": "../deploy.md",
    "sensitivity": "../sensitivity.md",
    "count": "../count.md",
    "bench": "../bench.md",
    "tune": "../tune.md",
    "estimate": "../estimate.md",
    "fit": "../microcontrollers.md#memory",
}
"""The page that explains each command."""


def page() -> str:
    """The page as Markdown."""
    return "\n".join([ABOUT, *(_section(name, command) for name, command in commands().items())])


def commands() -> dict[str, Any]:
    """The commands that the help lists, by name."""
    group: Any = typer.main.get_command(app)
    return {name: command for name, command in group.commands.items() if not command.hidden}


def _section(name: str, command: Any) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and not each.hidden]
    lines = [f"## {name}\n", *_about(name, command), f"    {_usage(name, arguments)}\n"]
    if arguments:
        lines += ["| argument | meaning |", "|---|---|", *map(_argument_row, arguments), ""]
    lines += ["| option | meaning | default |", "|---|---|---|", *map(_option_row, options), ""]
    return "\n".join(lines)


def _about(name: str, command: Any) -> Iterator[str]:
    for paragraph in command.help.strip().split("\n\n"):
        yield f"{_cell(paragraph)}\n"
    yield f"[Explained here]({EXPLAINED[name]}).\n"


def _usage(name: str, arguments: list[Any]) -> str:
    return " ".join(["micronet-edge", name, *map(_argument_name, arguments), "[OPTIONS]"])


def _argument_name(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    repeated = "..." if argument.nargs == -1 and not name.endswith("...") else ""
    return f"{name}{repeated}" if argument.required else f"[{name}{repeated}]"


def _argument_row(argument: Any) -> str:
    return f"| {_code(_argument_name(argument))} | {_cell(argument.help or '')} |"


def _option_row(option: Any) -> str:
    takes = f" {_takes(option)}" if _takes(option) else ""
    names = ", ".join(_code(f"{name}{takes}") for name in option.opts)
    repeated = " May be repeated." if option.multiple and "repeated" not in (option.help or "") else ""
    return f"| {names} | {_cell(option.help or '')}{repeated} | {_default(option)} |"


def _takes(option: Any) -> str:
    choices = get_args(option.type_descriptor.annotation)
    is_choice = all(isinstance(choice, str) for choice in choices)
    return option.metavar or ("|".join(choices) if is_choice and not option.is_flag else "")


def _default(option: Any) -> str:
    if option.required:
        return "required"
    if isinstance(option.show_default, str):
        return _cell(option.show_default)
    given = option.default
    if given is None or given is False or given in ((), []) or callable(given):
        return ""
    return _code(str(getattr(given, "value", given)))


def _cell(text: str) -> str:
    return " ".join(text.replace("\b", "").split()).replace("|", "\\|").replace("<", "&lt;")


def _code(text: str) -> str:
    """Code in a cell: a bar would end the cell."""
    return f"<code>{escape(text, quote=False).replace('|', '&#124;')}</code>" if "|" in text else f"`{text}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
