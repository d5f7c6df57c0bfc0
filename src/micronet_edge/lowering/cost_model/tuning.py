"""Operator costs of each runtime as data: the bundled table, or one measured on another machine."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from math import isfinite
from pathlib import Path

from micronet_edge.errors import SettingsError
from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.util.user_files import TUNING, read_json

_SHIPPED = files(__package__).joinpath("costs.json")


@dataclass(frozen=True, slots=True)
class Tuning:
    """The costs for each runtime's files, and the machine they were measured on."""

    machine: str
    onnxruntime: Costs
    portable: Costs
    xnnpack: Costs
    xnnpack_int8: Costs


TABLES = tuple(field.name for field in fields(Tuning) if field.type is Costs)
"""The names of a tuning's tables."""


def read_tuning(path: Path | str) -> Tuning:
    """Reads a tuning.

    Raises SettingsError on a file that is missing or invalid.
    """
    content = read_json(Path(path), TUNING)
    try:
        return tuning_of(_table(content))
    except (ValueError, TypeError, KeyError) as error:
        raise SettingsError(f"tuning {path} cannot be read ({error}): {TUNING.remedy}") from error


def _table(content: object) -> Mapping[str, object]:
    if not isinstance(content, Mapping):
        raise TypeError("it is not a JSON object")
    return content


def tuning_of(content: Mapping[str, object]) -> Tuning:
    """Parses a tuning. Raises ValueError, TypeError or KeyError on invalid content."""
    if unknown := set(content) - {"machine", *TABLES}:
        raise ValueError(f"there is no table {min(unknown)}")
    return Tuning(str(content["machine"]), **{name: costs_of(content[name]) for name in TABLES})


def costs_of(content: object) -> Costs:
    """Parses a table of costs. Raises ValueError or TypeError on invalid content."""
    if not isinstance(content, dict):
        raise TypeError(f"{content!r} is not a table of costs")
    costs = Costs(**content)
    for name, value in asdict(costs).items():
        if not (isinstance(value, int | float) and isfinite(value) and value >= 0):
            raise ValueError(f"{name} is {value!r}, not a number of at least 0")
    return costs


def tuning_text(tuning: Tuning) -> str:
    """The tuning as JSON text that can be edited by hand."""
    return json.dumps(asdict(tuning), indent=1) + "\n"


SHIPPED = tuning_of(json.loads(_SHIPPED.read_text(encoding="utf-8")))
"""The bundled tuning, fitted to interleaved runs of m0 to m3 and to single int8 operators, on one core."""
