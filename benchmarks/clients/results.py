"""What came out, as benchmarks/results/compatibility.json keeps it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from micronet_edge.util.output_files import write_text

RESULTS = Path(__file__).parents[1] / "results" / "compatibility.json"

Verdict = Literal["equal", "close", "wrong", "does not run", "does not load"]

_EQUAL, _EQUAL_IN_INTEGERS = 1e-3, 0.05
_WRONG = 0.2
"""Of the largest score: what rounding explains, and what it does not."""


@dataclass(frozen=True, slots=True)
class Row:
    """One client on one file.

    Attributes:
        sha256: the file's; `requirements` is the client's environment. A row holds for these.
        same: images of which the client gives the class that the file's own runtime gives.
        difference: the largest difference of a score to that runtime's; `largest` is the largest score.
        error: why there are no scores.
    """

    client: str
    network: str
    kind: str
    in_integers: bool
    sha256: str
    requirements: tuple[str, ...]
    images: int
    loads: bool = False
    runs: bool = False
    same: int = 0
    difference: float | None = None
    largest: float | None = None
    error: str = ""
    seconds: float = 0.0

    @property
    def key(self) -> tuple[str, str, str]:
        """What is measured."""
        return self.client, self.network, self.kind

    @property
    def verdict(self) -> Verdict:
        if not self.runs:
            return "does not run" if self.loads else "does not load"
        assert self.difference is not None  # as what runs has one
        assert self.largest is not None
        relative = self.difference / self.largest
        if self.same == self.images and relative <= (_EQUAL_IN_INTEGERS if self.in_integers else _EQUAL):
            return "equal"
        return "close" if relative <= _WRONG else "wrong"


@dataclass(frozen=True, slots=True)
class WrittenKind:
    """A kind of file: its name, format and options, as a user types them."""

    name: str
    format: str
    options: str


@dataclass(frozen=True, slots=True)
class Results:
    """All rows, with what they were measured with.

    `uninstalled` says by client why it could not be installed.
    """

    machine: str = ""
    kinds: tuple[WrittenKind, ...] = ()
    rows: tuple[Row, ...] = ()
    uninstalled: dict[str, str] = field(default_factory=dict)

    def find(self, client: str, network: str, kind: str) -> Row | None:
        """The row of a client on a file, if it is measured."""
        return next((row for row in self.rows if row.key == (client, network, kind)), None)

    def with_row(self, row: Row) -> "Results":
        """With one row more, in place of an older one."""
        others = [each for each in self.rows if each.key != row.key]
        uninstalled = {key: why for key, why in self.uninstalled.items() if key != row.client}
        return Results(self.machine, self.kinds, (*others, row), uninstalled)

    def without(self, client: str, why: str) -> "Results":
        """Without the rows of a client that cannot be installed."""
        others = tuple(row for row in self.rows if row.client != client)
        return Results(self.machine, self.kinds, others, self.uninstalled | {client: why})


def read_results(path: Path = RESULTS) -> Results:
    """The results of a file; empty ones if there is none."""
    if not path.exists():
        return Results()
    return msgspec.json.decode(path.read_bytes(), type=Results)


def write_results(results: Results, path: Path = RESULTS) -> None:
    """Writes results, whole or not at all."""
    content = msgspec.json.format(msgspec.json.encode(results), indent=1)
    write_text(content.decode() + "\n", path, overwrite=True)
