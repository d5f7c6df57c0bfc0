"""Tells the steps of a long command on stderr, the one at work beside a spinner."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

RANDOM_WEIGHTS = "RANDOM WEIGHTS: no checkpoint was given; these files recognise nothing."


@contextmanager
def told_steps(console: "Console") -> Iterator[Callable[[str], None]]:
    """A function to call with each step as it begins."""
    from rich.text import Text

    with console.status("starting") as status:

        def report(step: str) -> None:
            console.print(Text.assemble(("·", "dim"), " ", step))
            status.update(Text(step))

        yield report
