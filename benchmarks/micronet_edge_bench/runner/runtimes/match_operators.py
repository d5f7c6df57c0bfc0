"""Matches XNNPACK's operators with the file's operators.

XNNPACK keeps the order of the file's operators, but not one to one: paddings and reshapes disappear,
activations and reshapes appear. Dynamic programming aligns the two sequences by operator type, like texts.
Operators without a counterpart stay unmatched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from micronet_edge_bench.runner.runtimes.xnnpack_names import (
    AFTER,
    BEFORE,
    ELEMENTWISE,
    LOOKED_UP,
    MADE_OF,
    SEVERAL,
    VANISHING,
    kind_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

# Costs of a step. An exact match costs nothing, a helper or a folded operator a little, and an unmatched
# operator more than any number of helpers.
_FREE, _EXTRA, _UNMATCHED = 0, 1, 100


class _Step(NamedTuple):
    """The cheapest alignment from here to the end: its cost, and the operator of the next name."""

    cost: int
    move: str


def match_operators(operators: Sequence[str], names: Sequence[str]) -> list[int | None]:
    """For each XNNPACK name the index of the file's operator, or None without a match."""
    kinds = [kind_of(name) for name in names]
    table = _cheapest(operators, kinds)
    matches: list[int | None] = []
    at = 0
    while len(matches) < len(kinds):
        move = table[at][len(matches)].move
        if move == "skip":
            at += 1
        elif move == "unmatched":
            matches.append(None)
        else:  # "take" moves to the next operator, "more" and "before" stay, "after" belongs to the last one
            matches.append(at - 1 if move == "after" else at)
            at += move == "take"
    return matches


def _cheapest(operators: Sequence[str], kinds: Sequence[str]) -> list[list[_Step]]:
    """For every pair of positions, the cheapest alignment of the rest, computed from the end."""
    rows, columns = len(operators), len(kinds)
    end = _Step(_FREE, "end")
    table = [[end] * (columns + 1) for _ in range(rows + 1)]
    for at in range(rows, -1, -1):
        for done in range(columns, -1, -1):
            if at < rows or done < columns:
                table[at][done] = min(_steps(operators, kinds, table, at, done), key=lambda step: step.cost)
    return table


def _steps(
    operators: Sequence[str], kinds: Sequence[str], table: list[list[_Step]], at: int, done: int
) -> list[_Step]:
    """The possible steps here; the first of equal cost wins."""
    steps = []
    here = operators[at] if at < len(operators) else ""
    last = operators[at - 1] if at else ""
    if done < len(kinds):
        kind = kinds[done]
        if kind in MADE_OF.get(here, ()) or (kind == LOOKED_UP and here in ELEMENTWISE):
            steps.append(_Step(_FREE + table[at + 1][done + 1].cost, "take"))
            if here in SEVERAL:
                steps.append(_Step(_EXTRA + table[at][done + 1].cost, "more"))
        if last and kind in AFTER:
            steps.append(_Step(_EXTRA + table[at][done + 1].cost, "after"))
        if here and kind in BEFORE:
            steps.append(_Step(_EXTRA + table[at][done + 1].cost, "before"))
        steps.append(_Step(_UNMATCHED + table[at][done + 1].cost, "unmatched"))
    if here:
        folds = here in VANISHING or (here in ELEMENTWISE and kinds[done : done + 1] == [LOOKED_UP])
        steps.append(_Step((_EXTRA if folds else _UNMATCHED) + table[at + 1][done].cost, "skip"))
    return steps
