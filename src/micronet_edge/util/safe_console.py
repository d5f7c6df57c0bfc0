"""A console of rich in which no text is markup, and none steers the terminal."""

# ruff: noqa: ANN401 - what is passed on is rich's business

from collections.abc import Iterable
from typing import Any, NoReturn

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from micronet_edge.util.printing import ReaderGoneError, printing
from micronet_edge.util.safe_text import visible


class SafeConsole(Console):
    """Every text is shown as it is, what a terminal would obey decomposed. Errors are as `say` has them."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **how: Any) -> Text:
        """Before it is laid out, so that columns stay as wide as they look."""
        return super().render_str(visible(text, keep="\n"), **how | {"markup": False, "emoji": False})

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Whatever else made a text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text, keep="\n"))

    def print(self, *objects: Any, **how: Any) -> None:
        with printing():
            super().print(*objects, **how)

    def on_broken_pipe(self) -> NoReturn:
        raise ReaderGoneError
