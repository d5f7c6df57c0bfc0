"""The clients, as clients.toml lists them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

TABLE = Path(__file__).with_name("clients.toml")
CHILDREN = Path(__file__).with_name("children")


@dataclass(frozen=True, slots=True)
class Client:
    """A program that opens files. clients.toml says what each attribute is."""

    name: str
    child: str
    reads: tuple[str, ...]
    requirements: tuple[str, ...]
    options: Mapping[str, str | int] = field(default_factory=dict)
    takes: Literal["input", "pixels"] = "input"
    notes: tuple[str, ...] = ()
    untried: str | None = None

    @property
    def in_node(self) -> bool:
        return self.child.endswith(".mjs")


@dataclass(frozen=True, slots=True)
class _Table:
    client: tuple[Client, ...]


def read_clients(path: Path = TABLE) -> tuple[Client, ...]:
    """All clients, in the order of the page."""
    return msgspec.convert(tomllib.loads(path.read_text()), _Table).client
