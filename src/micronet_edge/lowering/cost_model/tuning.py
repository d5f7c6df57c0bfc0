"""Operator costs of each runtime as data: a target's own tables, or tables measured on another machine."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from importlib.resources import files
from pathlib import Path

import msgspec

from micronet_edge.errors import SettingsError
from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.util.user_files import TUNING, read_json

INTEGER = "integer"
"""The table that decides on the integer network, which is one for all targets."""

_MACHINE = "machine"
_FORMER_NAMES = {"xnnpack_int8": INTEGER}
_LARGEST = 1e9
"""Of any figure; in nanoseconds, a second."""
_LARGEST_BLOCK = 64
"""Channels; no CPU has vectors of more float32 numbers."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """Tables of costs by name, and the machine that they were measured on.

    A table that is missing is the target's own: a tuning may be older than a target.
    """

    machine: str
    tables: Mapping[str, Costs] = field(default_factory=dict)

    def costs(self, table: str, own: Costs) -> Costs:
        """The table of that name, or the target's own."""
        return self.tables.get(table, own)

    def with_costs(self, table: str, costs: Costs) -> "Tuning":
        """The tuning with one table replaced."""
        return replace(self, tables={**self.tables, table: costs})


def read_tuning(path: Path | str) -> Tuning:
    """Reads a tuning.

    Raises SettingsError on a file that is missing or invalid.
    """
    content = read_json(Path(path), TUNING)
    try:
        return tuning_of(content)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"tuning {path} cannot be read ({error}): {TUNING.remedy}") from error


def tuning_of(content: object) -> Tuning:
    """Parses a tuning. Raises ValueError or TypeError on invalid content."""
    if not isinstance(content, Mapping):
        raise TypeError("it is not a JSON object")
    if _MACHINE not in content:
        raise ValueError("it names no machine")
    machine, tables = content[_MACHINE], {name: each for name, each in content.items() if name != _MACHINE}
    if not isinstance(machine, str):
        raise TypeError("its machine is not a text")
    for former, name in _FORMER_NAMES.items():
        if {former, name} <= set(tables):
            raise ValueError(f"it has the table {name} twice, once by its former name {former}")
    return Tuning(
        machine, {_FORMER_NAMES.get(name, name): _table(name, each) for name, each in tables.items()}
    )


def _table(name: str, content: object) -> Costs:
    try:
        return costs_of(content)
    except (ValueError, TypeError) as error:
        raise ValueError(f"table {name}: {error}") from error


def costs_of(content: object) -> Costs:
    """Parses a table of costs. Raises ValueError or TypeError on invalid content."""
    if not isinstance(content, Mapping):
        raise TypeError("it is not a JSON object")
    if unknown := set(content) - {field.name for field in fields(Costs)}:
        raise ValueError(f"there is no figure {min(unknown)}")
    try:
        costs = msgspec.convert(content, Costs)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    for name, value in asdict(costs).items():
        if not 0 <= value <= _LARGEST:
            raise ValueError(f"{name} is {value}, not from 0 to {_LARGEST:g}")
    if costs.depthwise_block > _LARGEST_BLOCK:
        raise ValueError(f"depthwise_block is {costs.depthwise_block}, more than {_LARGEST_BLOCK} channels")
    return costs


def tuning_text(tuning: Tuning) -> str:
    """The tuning as JSON text that can be edited by hand."""
    tables = {name: asdict(costs) for name, costs in tuning.tables.items()}
    return json.dumps({_MACHINE: tuning.machine, **tables}, indent=1) + "\n"


def shipped_tables(package: str) -> Mapping[str, Costs]:
    """The tables of a package's own `costs.json`, by name."""
    return _shipped(package).tables


def _shipped(package: str) -> Tuning:
    return tuning_of(json.loads(files(package).joinpath("costs.json").read_text(encoding="utf-8")))


SHIPPED = _shipped(__package__)
"""Every target's own tables: fitted to interleaved runs of m0 to m3 and to single operators, on one core."""

INTEGER_COSTS = SHIPPED.tables[INTEGER]
