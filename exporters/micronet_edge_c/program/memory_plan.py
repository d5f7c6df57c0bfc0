"""Plans the arena: gives each buffer an offset so that no two buffers that are alive at once overlap."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from micronet_edge_c.program.buffers import Buffer
from micronet_edge_c.program.steps import Bands, Program, Step

_TRIES = 200
_SEED = 0


@dataclass(slots=True, eq=False)
class Block:
    """Memory for one buffer, or for several of which each is written over the one before.

    `buffers` says where each starts. `first` and `last` are the steps between which the block is in use, both
    included.
    """

    buffers: dict[Buffer, int]
    size_bytes: int
    first: int
    last: int

    def put_before(self, buffer: Buffer, over: Buffer, ahead: int) -> None:
        """Adds a buffer that starts so many bytes before another one of the block."""
        start = self.buffers[over] - ahead
        if start < 0:
            self.buffers = {each: place - start for each, place in self.buffers.items()}
            self.size_bytes, start = self.size_bytes - start, 0
        self.buffers[buffer] = start
        self.size_bytes = max(self.size_bytes, start + buffer.size_bytes)

    def meets(self, other: "Block") -> bool:
        """Whether both are in use at some step."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Where each buffer lies in the arena.

    Attributes:
        offsets: bytes from the start of the arena, by buffer.
        size_bytes: of the arena.
        lower_bound_bytes: the largest sum of the buffers that one step needs; no plan takes less.
    """

    offsets: dict[Buffer, int] = field(repr=False)
    size_bytes: int
    lower_bound_bytes: int


def plan_memory(program: Program) -> MemoryPlan:
    """Plans the arena of a program; the same program gives the same plan.

    The largest buffers go first, each at the lowest offset that is free while it is in use. Where that takes
    more than the lower bound, other orders are tried.

    Source: Pisarchyk and Lee, arXiv 2001.03288, section 5.2 (greedy by size).
    """
    blocks = _blocks(program)
    bound = max(_needed(blocks, len(program.steps)), default=0)
    best: dict[Block, int] = {}
    least = None
    for order in _orders(blocks):
        offsets = _placed(order)
        size = _end(offsets)
        if least is None or size < least:
            best, least = offsets, size
        if least <= bound:
            break
    found = {
        buffer: offset + start for block, offset in best.items() for buffer, start in block.buffers.items()
    }
    return MemoryPlan(found, least or 0, bound)


def peak_steps(program: Program) -> set[int]:
    """The steps that need the most memory, by number."""
    blocks = _blocks(program)
    needed = _needed(blocks, len(program.steps))
    return {number for number, size in enumerate(needed) if size == max(needed)}


def _blocks(program: Program) -> list[Block]:
    loops = _loops(program)
    last_read = {
        buffer: loop[1] for step, loop in zip(program.steps, loops, strict=True) for buffer in step.reads
    }
    blocks: dict[Buffer, Block] = {}
    for step, (first, last) in zip(program.steps, loops, strict=True):
        for buffer in step.scratch:
            blocks[buffer] = Block({buffer: 0}, buffer.size_bytes, first, last)
        for buffer in step.writes:
            if not buffer.in_arena:
                continue
            if buffer in blocks:  # its border is written before
                blocks[buffer].last = max(blocks[buffer].last, last)
                continue
            over, ahead = _overwritten(step, buffer)
            if over in blocks and last_read[over] == last:
                blocks[buffer] = blocks[over]
                blocks[over].put_before(buffer, over, ahead)
            else:
                blocks[buffer] = Block({buffer: 0}, buffer.size_bytes, first, last)
            blocks[buffer].last = max(last, last_read.get(buffer, last))
    return list(dict.fromkeys(blocks.values()))


def _loops(program: Program) -> list[tuple[int, int]]:
    """For each step, the first and the last step of the loop that it stands in: itself without one."""
    numbers: dict[Bands, list[int]] = {}
    for number, step in enumerate(program.steps):
        if step.bands is not None:
            numbers.setdefault(step.bands, []).append(number)
    spans = {bands: (found[0], found[-1]) for bands, found in numbers.items()}
    return [
        (number, number) if step.bands is None else spans[step.bands]
        for number, step in enumerate(program.steps)
    ]


def _overwritten(step: Step, result: Buffer) -> tuple[Buffer | None, int]:
    """The buffer that the step's result may be written over, and the bytes by which it starts before that."""
    if step.trail is not None:
        return step.trail.x, step.trail.ahead
    over = step.overwrites
    return (over, 0) if over is not None and _lie_alike(over, result) else (None, 0)


def _lie_alike(one: Buffer, other: Buffer) -> bool:
    """Whether an element of one buffer lies where the same element of the other does."""
    return (one.size_bytes, one.pitch, one.border) == (other.size_bytes, other.pitch, other.border)


def _needed(blocks: Iterable[Block], steps: int) -> list[int]:
    """The bytes of all blocks that are in use at each step."""
    sums = [0] * steps
    for block in blocks:
        for number in range(block.first, block.last + 1):
            sums[number] += block.size_bytes
    return sums


def _orders(blocks: Sequence[Block]) -> Iterable[list[Block]]:
    by_size = sorted(blocks, key=lambda block: (-block.size_bytes, block.first))
    yield by_size
    yield sorted(blocks, key=lambda block: (-block.size_bytes * (block.last - block.first + 1), block.first))
    yield sorted(blocks, key=lambda block: (block.first, -block.size_bytes))
    draw = random.Random(_SEED)  # noqa: S311 - to try orders, not to keep secrets
    for _ in range(_TRIES):
        jitter = {block: block.size_bytes * draw.uniform(0.4, 1.0) for block in by_size}
        yield sorted(by_size, key=lambda block: -jitter[block])


def _placed(order: Iterable[Block]) -> dict[Block, int]:
    offsets: dict[Block, int] = {}
    for block in order:
        taken = sorted(
            (offset, offset + other.size_bytes) for other, offset in offsets.items() if block.meets(other)
        )
        place = 0
        for start, end in taken:
            if place + block.size_bytes <= start:
                break
            place = max(place, end)
        offsets[block] = place
    return offsets


def _end(offsets: dict[Block, int]) -> int:
    return max((offset + block.size_bytes for block, offset in offsets.items()), default=0)
