"""Which of XNNPACK's operators do the work of which of the file's.

XNNPACK runs its operators in the order in which the delegate walked over the file's, but not one for one:
paddings and shapes vanish, activations and shapes appear. The two rows are aligned as texts are, by dynamic
programming over the kinds of operators; what fits nothing stays without a match rather than being guessed.
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

# What a step costs. An operator that becomes exactly what its name says costs nothing, a helper or a fold
# beside it a little. Leaving something without a match costs more than any helpers would.
_FREE, _EXTRA, _UNMATCHED = 0, 1, 100


class _Step(NamedTuple):
    """The cheapest way from here to the end: what it costs and which operator takes the next name."""

    cost: int
    move: str


def match_operators(operators: Sequence[str], names: Sequence[str]) -> list[int | None]:
    """For each of XNNPACK's names the place of its operator in the file's row, or None if it fits none."""
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
        else:  # "take" goes on to the next operator, "more" and "before" stay, "after" is of the last one
            matches.append(at - 1 if move == "after" else at)
            at += move == "take"
    return matches


def _cheapest(operators: Sequence[str], kinds: Sequence[str]) -> list[list[_Step]]:
    """For every place in both rows, the cheapest way to the end of both, filled in from there."""
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
    """What can be done here. Of equally cheap ways the first is taken."""
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
