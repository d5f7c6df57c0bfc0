"""Computes factorized convolutions band by band where the memory of a program is largest.

The two halves of a factorized convolution pass on a tensor that is larger than all others. Row r of the
second half reads row r of the first alone, so that a few rows at a time are enough: nothing is computed
twice. The result may then lie over rows of the input that are no longer read.

Source: patch-based inference, Lin et al., arXiv 2110.15352, section 3.1, here without halos.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from micronet_edge_c.program.buffers import ALIGNMENT, Buffer
from micronet_edge_c.program.memory_plan import peak_steps, plan_memory
from micronet_edge_c.program.shapes import LINES, WINDOW, member, with_members
from micronet_edge_c.program.steps import (
    AfterFirst,
    Argument,
    Bands,
    Moving,
    Pointer,
    Program,
    Step,
    Trail,
    Varying,
)

_MOST_ROWS = 8
"""More rows save few instructions: a filter's constants are loaded once for each band."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two steps, by number, that pass on a tensor, of which a band has so many `rows`."""

    first: int
    second: int
    rows: int


def with_bands(program: Program) -> Program:
    """The program with bands wherever its memory is largest, as long as that takes less memory."""
    least = plan_memory(program).size_bytes
    while True:
        peak = peak_steps(program)
        banded = program
        for pair in reversed(list(_pairs(program))):  # so that the numbers of pairs before it stay
            if {pair.first, pair.second} & peak:
                banded = _banded(banded, pair)
        size = plan_memory(banded).size_bytes
        if size >= least:
            return program
        program, least = banded, size


def _pairs(program: Program) -> Iterator[Pair]:
    """The pairs of steps that can be computed in bands: K x 1, and 1 x K over its result alone."""
    readers: dict[Buffer, list[int]] = {}
    for number, step in enumerate(program.steps):
        for buffer in step.reads:
            readers.setdefault(buffer, []).append(number)
    for number, step in enumerate(program.steps):
        if not _goes_down(step) or step.bands is not None:
            continue
        (passed,) = step.writes
        second = readers.get(passed, [])
        rows = _rows(passed.height)
        fits = len(second) == 1 and _goes_across(program.steps[second[0]], passed)
        between = program.steps[number + 1 : second[0]] if fits else ()
        if fits and rows and _reaches(step, rows) and all(each.kind == "border" for each in between):
            yield Pair(number, second[0], rows)


def _goes_down(step: Step) -> bool:
    if step.function == LINES.function:
        return len(step.writes) == 1 and member(step, LINES, "x_step") > member(step, LINES, "x_line")
    return step.function == WINDOW.function and member(step, WINDOW, "kernel_w") == 1


def _reaches(step: Step, rows: int) -> bool:
    """Whether the second band's first tap lies inside of the image, where that has no border of its own."""
    if step.function != WINDOW.function:
        return True
    return rows * member(step, WINDOW, "stride_h") >= member(step, WINDOW, "top")


def _goes_across(step: Step, passed: Buffer) -> bool:
    across = step.function == LINES.function and member(step, LINES, "x_step") < member(step, LINES, "x_line")
    return across and not (passed.border.top or passed.border.bottom)


def _rows(height: int) -> int | None:
    """The rows of a band: as many as divide the map evenly, but few; None where that does not pay."""
    found = max(rows for rows in range(1, _MOST_ROWS + 1) if height % rows == 0)
    return found if found > 1 and found < height else None


def _banded(program: Program, pair: Pair) -> Program:
    """The program with a loop around the pair; what fills borders stands before the loop."""
    first, second = program.steps[pair.first], program.steps[pair.second]
    (passed,) = first.writes
    band, bands = replace(passed, height=pair.rows), Bands(passed.height // pair.rows)
    loop = _first_half(first, band, bands), _second_half(second, band, bands)
    between = [_in_band(step, passed, band) for step in program.steps[pair.first + 1 : pair.second]]
    before = [_in_band(step, passed, band) for step in program.steps[: pair.first]]
    after = program.steps[pair.second + 1 :]
    return replace(program, steps=(*before, *between, loop[0], _with_trail(*loop), *_sums_of(second), *after))


def _first_half(step: Step, band: Buffer, bands: Bands) -> Step:
    shape = LINES if step.function == LINES.function else WINDOW
    members = {"length": band.height}
    if shape is LINES:
        moved = member(step, LINES, "stride") * member(step, LINES, "x_step")
    else:
        stride, top = member(step, WINDOW, "stride_h"), member(step, WINDOW, "top")
        moved = stride * member(step, WINDOW, "x_pitch")
        rows_in = member(step, WINDOW, "rows_in")
        members = {
            "rows": band.height,
            "rows_in": Moving(rows_in, -stride * band.height),
            "above": AfterFirst(top),
        }
    x, *rest = step.arguments
    assert isinstance(x, Pointer)
    arguments = (replace(x, per_band=moved * band.height), *(_to(each, band) for each in rest))
    return with_members(replace(step, arguments=arguments, bands=bands), shape, members)


def _second_half(step: Step, band: Buffer, bands: Bands) -> Step:
    moved = member(step, LINES, "y_line") * band.height
    x, weights, y, _sums, *rest = step.arguments
    assert isinstance(x, Pointer)
    assert isinstance(y, Pointer)
    arguments = (replace(x, buffer=band), weights, replace(y, per_band=moved), None, *rest)
    return with_members(replace(step, arguments=arguments, bands=bands), LINES, {"lines": band.height})


def _sums_of(step: Step) -> Iterator[Step]:
    """The step that adds up each channel of a result, where its own step did so before it had bands."""
    _x, _weights, y, sums, *_ = step.arguments
    assert isinstance(y, Pointer)
    if isinstance(sums, Pointer):
        shape = (y.buffer.height, y.buffer.width, y.buffer.pitch, y.buffer.channels)
        arguments = (Pointer(y.buffer), sums, *shape)
        yield Step(step.layer, "sum", "micronet_sum", arguments)


def _with_trail(first: Step, second: Step) -> Step:
    """The second half, which may write over rows of the first half's input."""
    x, y = first.arguments[0], second.arguments[2]
    assert isinstance(x, Pointer)
    assert isinstance(y, Pointer)
    if y.buffer.border or not y.buffer.in_arena:
        return second  # filling a border would write over all of x
    assert second.bands is not None
    # Behind band b all rows up to there are written; band b + 1 reads from its first tap on.
    ahead = max(
        y.per_band * (band + 1) - (x.buffer.start + x.offset + x.per_band * (band + 1))
        for band in range(second.bands.count)
    )
    ahead = -(-max(ahead, 0) // ALIGNMENT) * ALIGNMENT
    return replace(second, trail=Trail(x.buffer, ahead))


def _in_band(step: Step, passed: Buffer, band: Buffer) -> Step:
    """The step that fills the border of what the pair passes on, for one band; any other as it is."""
    if step.kind != "border" or passed not in step.writes:
        return step
    y, _rows, *rest = step.arguments
    return replace(step, arguments=(_to(y, band), Varying(band.height), *rest))


def _to(argument: Argument, band: Buffer) -> Argument:
    """The argument, with what the kernel writes for its reader in the band."""
    is_result = isinstance(argument, Pointer) and argument.written and argument.buffer.name == band.name
    return replace(argument, buffer=band) if isinstance(argument, Pointer) and is_result else argument
