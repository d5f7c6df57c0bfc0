"""`micronet-edge demo`: a trained MicroNet from its checkpoint to files that classify digits."""

import sys
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from micronet_edge.cli.errors import one_line_errors
from micronet_edge.cli.options import DebugOption
from micronet_edge.cli.progress import progress
from micronet_edge.util.terminal import open_console, say

if TYPE_CHECKING:
    from micronet_edge.demo.run import Contender


@one_line_errors
def demo(
    *,
    output: Annotated[Path, typer.Option(help="Folder; an earlier demo's files are replaced.")] = Path(
        "demo-output"
    ),
    debug: DebugOption = False,
) -> None:
    """Export a trained MicroNet and classify 397 digits with the files: all it needs is installed."""
    del debug  # one_line_errors reads it
    console = open_console()
    with progress(console) as report:
        report("loading: all of it takes about a minute")
        from micronet_edge.cli.demo_tables import pictures, results
        from micronet_edge.demo.run import run

        result = run(output, report)
    console.print("", results(result))
    console.print("Quick timing on one thread; use `micronet-edge bench` for reliable figures.\n")
    console.print(pictures(result))
    console.print()
    _say_what_next(output, result.contenders)


def _say_what_next(output: Path, contenders: "tuple[Contender, ...]") -> None:
    network, *files = contenders
    file, digit = relpath(files[-1].file), relpath(output / "digits" / "7" / "0081.png")
    say(f"The files, their manifests and model cards are in {relpath(output)}. Next, try:")
    for command in (
        f"predict {file} {digit}",
        f"verify {file} --checkpoint {_shortest(network.file)}",
        f"export m1 --output {relpath(output)}  # random weights, for size and speed",
    ):
        say(f"  {_tool()} {command}")


def _tool() -> str:
    """How to call this tool: by its name where a shell finds it, else by its path."""
    from shutil import which

    own = Path(sys.executable).with_name("micronet-edge")
    found = which("micronet-edge")
    return "micronet-edge" if found and Path(found).resolve() == own.resolve() else _shortest(own)


def _shortest(path: Path) -> str:
    return min(str(path), relpath(path), key=len)
