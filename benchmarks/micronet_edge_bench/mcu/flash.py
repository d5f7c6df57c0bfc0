"""How a network's object divides the flash: weights, tables, code."""

import re
from dataclasses import dataclass
from pathlib import Path

from micronet_edge_bench.mcu.build import run_tool

_CODE = ".text"
_NOT_LOADED = (".comment", ".ARM.", ".debug", ".note", ".bss", ".group")
_SECTION_COLUMNS = 3
_WEIGHTS = re.compile(r"(?:^|_)(?:weights|bias)(?:_|$)")
_CONSTANTS = frozenset("rRdDnN")


@dataclass(frozen=True, slots=True)
class Flash:
    """The bytes of NAME.c in flash, without what it calls of the C library.

    Attributes:
        weights_bytes: weights and biases.
        tables_bytes: all other constants: indices, lookup tables, names.
    """

    weights_bytes: int
    tables_bytes: int
    code_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.tables_bytes + self.code_bytes


def flash_of(built: Path) -> Flash:
    """The division of a compiled NAME.c."""
    code, constants = 0, 0
    for name, size in _sections(built):
        if name.startswith(_CODE):
            code += size
        elif not name.startswith(_NOT_LOADED):
            constants += size
    weights = sum(size for name, size in _constants(built) if is_weights(name))
    return Flash(weights, constants - weights, code)


def is_weights(symbol: str) -> bool:
    """Whether a constant array of the generated file holds weights or biases: the name says its role."""
    return _WEIGHTS.search(symbol) is not None


def _sections(built: Path) -> list[tuple[str, int]]:
    """The names and sizes of the sections."""
    printed = run_tool("size", ["-A", str(built)], "sizes cannot be read")
    rows = (line.split() for line in printed.splitlines())
    return [(row[0], int(row[1])) for row in rows if len(row) == _SECTION_COLUMNS and row[1].isdigit()]


def _constants(built: Path) -> list[tuple[str, int]]:
    """The names and sizes of the constant arrays."""
    printed = run_tool("nm", ["--format=posix", "--defined-only", str(built)], "symbols cannot be read")
    rows = (line.split() for line in printed.splitlines())
    return [(name, int(size[0], 16)) for name, kind, _place, *size in rows if size and kind in _CONSTANTS]
