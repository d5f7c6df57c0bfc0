"""Tells the steps of a long command on stderr, the one at work beside a spinner."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def told_steps(console: "Console") -> Iterator[Callable[[str], None]]:
    """A function to call with each step as it begins."""
    with console.status("starting") as status:

        def report(step: str) -> None:
            console.print(f"[dim]·[/dim] {step}", highlight=False)
            status.update(step)

        yield report
