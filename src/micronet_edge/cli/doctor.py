"""`micronet-edge doctor`: what is installed here, and what each missing part would bring."""

from typing import TYPE_CHECKING, Annotated

import typer

from micronet_edge.cli.errors import one_line_errors
from micronet_edge.cli.options import DebugOption
from micronet_edge.util.terminal import open_console, say_json

if TYPE_CHECKING:
    from rich.console import Console

    from micronet_edge.diagnosis.finding import Finding

_MARKS = {"found": "+", "missing": "-", "broken": "!"}
_STYLES = {"found": "green", "missing": "dim", "broken": "bold red"}
_BROKEN = 1


@one_line_errors
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    debug: DebugOption = False,
) -> None:
    """Show what is installed here, and what each missing part would bring; 1 if anything is broken."""
    del debug  # one_line_errors reads it
    from micronet_edge.diagnosis import SECTIONS

    found: dict[str, list[Finding]] = {}
    console = open_console(err=True)
    with console.status("starting") as status:
        for section, look in SECTIONS:
            status.update(f"looking for {section}")
            found[section] = look()
    if as_json:
        say_json({section: [each.values() for each in findings] for section, findings in found.items()})
    else:
        _print(open_console(), found)
    if any(each.state == "broken" for findings in found.values() for each in findings):
        raise typer.Exit(_BROKEN)


def _print(console: "Console", found: "dict[str, list[Finding]]") -> None:
    from rich.text import Text

    for section, findings in found.items():
        console.print(section, style="bold")
        for each in findings:
            line = Text.assemble((f"  {_MARKS[each.state]} ", _STYLES[each.state]), f"{each.name:22}")
            console.print(line.append(each.detail or each.state), soft_wrap=True)
            if each.state != "found":
                for text in filter(None, (each.brings, each.install)):
                    console.print(Text(f"{'':26}{text}"), soft_wrap=True)
    console.print("+ found   - missing   ! broken", style="dim")
