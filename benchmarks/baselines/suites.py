"""Suites: networks, formats and candidates to measure, from a small TOML file."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from micronet_edge.errors import SettingsError
from micronet_edge.kernels import Kernels
from micronet_edge.targets.protocol import FLOAT32, INT8_IO
from micronet_edge.util.user_files import MIB, Kind, read_text

Turns = Literal["candidates", "networks"]


# A page of names.
SUITE = Kind("suite", MIB, "see those under benchmarks/suites", SettingsError)


@dataclass(frozen=True, slots=True)
class Candidate:
    """How a network is written: its precision, and whether naive, without Gather, or with int8 io.

    `kernels` says whether the fused kernels may run it; `runtime` names the one to run it in, of several that
    can.
    """

    precision: str
    naive: bool = False
    portable: bool = False
    io: str = FLOAT32
    kernels: Kernels = "off"
    runtime: str | None = None


CANDIDATES = {
    "naive float32": Candidate(FLOAT32, naive=True),
    "float32": Candidate(FLOAT32),
    "portable float32": Candidate(FLOAT32, portable=True),
    "naive int8": Candidate("int8", naive=True),
    "int8": Candidate("int8"),
    "int8 io": Candidate("int8", io=INT8_IO),
    "float32 fused": Candidate(FLOAT32, kernels="auto"),
    "int8 fused": Candidate("int8", kernels="auto"),
    "float32 compiled": Candidate(FLOAT32, runtime="litert-compiled"),
    "int8 compiled": Candidate("int8", runtime="litert-compiled"),
}


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a suite: a variant or a baseline, a format and the name of a candidate."""

    network: str
    format: str
    candidate: str

    @property
    def name(self) -> str:
        """The file's name in the results."""
        return f"{self.network} {self.candidate}.{self.format}"


@dataclass(frozen=True, slots=True)
class Turn:
    """Files that are measured alternately; their ratios are relative to the first."""

    name: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite: its turns, and how often to measure."""

    title: str
    threads: int
    processes: int
    rounds: int
    turns: tuple[Turn, ...]

    @property
    def members(self) -> tuple[Member, ...]:
        """Every file, in order and without repetition."""
        return tuple(dict.fromkeys(member for turn in self.turns for member in turn.members))


def read_suite(path: Path) -> Suite:
    """Reads a suite.

    Raises SettingsError on a file that cannot be read or is invalid.
    """
    try:
        content = tomllib.loads(read_text(path, SUITE))
        turns = tuple(turn for group in content.pop("groups") for turn in _turns(**group))
        suite = Suite(turns=turns, **content)
    except (tomllib.TOMLDecodeError, RecursionError, TypeError, KeyError, AttributeError) as error:
        raise SettingsError(f"{path} is not a suite ({error}): see those under benchmarks/suites") from error
    for member in suite.members:
        if member.candidate not in CANDIDATES:
            raise SettingsError(
                f"{path}: unknown candidate {member.candidate!r}: choose from {', '.join(CANDIDATES)}"
            )
    return suite


def _turns(networks: list[str], formats: list[str], candidates: list[str], turns: Turns) -> Iterator[Turn]:
    if turns == "candidates":
        for network, kind in product(networks, formats):
            yield Turn(
                f"{network} {kind}", tuple(Member(network, kind, candidate) for candidate in candidates)
            )
    else:
        for kind, candidate in product(formats, candidates):
            named = f"{networks[0]} and baselines, {kind} {candidate}"
            yield Turn(named, tuple(Member(network, kind, candidate) for network in networks))
