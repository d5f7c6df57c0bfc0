"""A rich console that shows text literally: no markup, no control characters."""

# ruff: noqa: ANN401 - passes arguments on to rich

from collections.abc import Iterable
from typing import Any, NoReturn

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from micronet_edge.util.printing import ReaderGoneError, printing
from micronet_edge.util.safe_text import visible


class SafeConsole(Console):
    """Shows every text literally, with control characters escaped. Raises as `say` does."""

    def __init__(self, *, stderr: bool = False, width: int | None = None) -> None:
        super().__init__(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **how: Any) -> Text:
        """Escapes before layout, so that columns keep their width."""
        return super().render_str(visible(text, keep="\n"), **how | {"markup": False, "emoji": False})

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Escapes the text of all other renderables."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text, keep="\n"))

    def print(self, *objects: Any, **how: Any) -> None:
        with printing():
            super().print(*objects, **how)

    def on_broken_pipe(self) -> NoReturn:
        raise ReaderGoneError
