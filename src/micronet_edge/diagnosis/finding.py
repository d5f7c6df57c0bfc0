"""One thing that was looked for."""

from dataclasses import dataclass
from typing import Literal

State = Literal["found", "missing", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked for, and what came out.

    Attributes:
        name: What it is called.
        state: Whether it is there; what is there and cannot be used is broken.
        detail: Its version and place, or why it cannot be used.
        brings: What micronet-edge does with it.
        install: The line that installs it, where one is known.
    """

    name: str
    state: State
    detail: str
    brings: str = ""
    install: str = ""

    def values(self) -> dict[str, str]:
        """The finding for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}
