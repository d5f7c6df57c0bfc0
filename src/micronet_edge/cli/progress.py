"""What a command prints on stderr: its steps, a spinner for the current one, and assumptions."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from micronet_edge.util.safe_text import visible
from micronet_edge.util.terminal import open_console, say

if TYPE_CHECKING:
    from rich.console import Console

    from micronet_edge.pipeline.artifacts import Exported

RANDOM_WEIGHTS = "RANDOM WEIGHTS: no checkpoint was given; these files recognise nothing."


@contextmanager
def progress(console: "Console") -> Iterator[Callable[[str], None]]:
    """Yields a function to call with the name of each step as it begins."""
    from rich.text import Text

    with console.status("starting") as status:

        def report(step: str) -> None:
            console.print(Text.assemble(("·", "dim"), " ", step), soft_wrap=True)
            status.update(Text(step))

        yield report


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Shows a spinner on a terminal, and nothing elsewhere. Nothing may go to standard output meanwhile."""
    from rich.text import Text

    with open_console(err=True).status(Text(what)):
        yield


def say_what_runs(*named: str | Path | None) -> None:
    """Prints a line for each factory that the user names, before its code runs."""
    from micronet_edge.models.factories import factory_named

    for factory in filter(None, map(factory_named, named)):
        say(f"· {factory}: importing {factory.place}, which runs its code", err=True)


def say_what_is_unproven(console: "Console", files: "Sequence[Exported]") -> None:
    """Prints, in red, which files no one has run."""
    for file in files:
        if file.proof is None:
            console.print(
                visible(
                    f"UNPROVEN: {file.path.name} was never run: it may compute anything. Prove it where a C "
                    "compiler is, with `micronet-edge verify`, or run its test on the board."
                ),
                style="bold red",
                soft_wrap=True,
            )


def say_what_was_read(console: "Console", assumption: str | None, notes: Sequence[str]) -> None:
    """Prints the notes on a checkpoint and, in red, what it does not state and the tool assumes."""
    for note in notes:
        console.print(visible(f"note: {note}"), soft_wrap=True)
    if assumption is not None:
        console.print(visible(f"ASSUMED: {assumption}"), style="bold red", soft_wrap=True)
