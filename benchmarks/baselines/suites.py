"""What a suite measures: networks, formats and forms, as a small TOML file names them."""

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

Turns = Literal["forms", "networks"]


# A screen of names.
SUITE = Kind("suite", MIB, "see those under benchmarks/suites", SettingsError)


@dataclass(frozen=True, slots=True)
class Form:
    """How a network is written: its precision, and whether naively, without Gather, or with int8 io.

    `kernels` says whether our own may run it.
    """

    precision: str
    naive: bool = False
    portable: bool = False
    io: str = FLOAT32
    kernels: Kernels = "off"


FORMS = {
    "naive float32": Form(FLOAT32, naive=True),
    "float32": Form(FLOAT32),
    "portable float32": Form(FLOAT32, portable=True),
    "naive int8": Form("int8", naive=True),
    "int8": Form("int8"),
    "int8 io": Form("int8", io=INT8_IO),
    "float32 fused": Form(FLOAT32, kernels="auto"),
    "int8 fused": Form("int8", kernels="auto"),
}


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a suite: a variant or a peer, a format and the name of a form."""

    network: str
    format: str
    form: str

    @property
    def name(self) -> str:
        """What the file is called in the results."""
        return f"{self.network} {self.form}.{self.format}"


@dataclass(frozen=True, slots=True)
class Turn:
    """Files that take turns in each process: ratios are taken among them, to the first."""

    name: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Suite:
    """All that a suite measures, and how often."""

    title: str
    threads: int
    processes: int
    rounds: int
    turns: tuple[Turn, ...]

    @property
    def members(self) -> tuple[Member, ...]:
        """Every file once, in order."""
        return tuple(dict.fromkeys(member for turn in self.turns for member in turn.members))


def read_suite(path: Path) -> Suite:
    """Reads a suite.

    Raises SettingsError on a file that cannot be read or says what no suite can hold.
    """
    try:
        content = tomllib.loads(read_text(path, SUITE))
        turns = tuple(turn for group in content.pop("groups") for turn in _turns(**group))
        suite = Suite(turns=turns, **content)
    except (tomllib.TOMLDecodeError, RecursionError, TypeError, KeyError, AttributeError) as error:
        raise SettingsError(f"{path} is no suite ({error}): see those under benchmarks/suites") from error
    for member in suite.members:
        if member.form not in FORMS:
            raise SettingsError(f"{path}: no form {member.form!r}: choose from {', '.join(FORMS)}")
    return suite


def _turns(networks: list[str], formats: list[str], forms: list[str], turns: Turns) -> Iterator[Turn]:
    if turns == "forms":
        for network, kind in product(networks, formats):
            yield Turn(f"{network} {kind}", tuple(Member(network, kind, form) for form in forms))
    else:
        for kind, form in product(formats, forms):
            named = f"{networks[0]} and peers, {kind} {form}"
            yield Turn(named, tuple(Member(network, kind, form) for network in networks))
