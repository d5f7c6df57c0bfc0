"""Plans the arena: gives each buffer an offset so that no two buffers that are alive at once overlap."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from micronet_edge_c.program.buffers import Buffer
from micronet_edge_c.program.steps import Program

_TRIES = 200
_SEED = 0


@dataclass(slots=True, eq=False)
class Block:
    """Memory for one buffer, or for several of which each is written over the one before.

    `first` and `last` are the steps between which it is in use, both included.
    """

    buffers: list[Buffer]
    size_bytes: int
    first: int
    last: int

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
    bound = _lower_bound(blocks, len(program.steps))
    best: dict[Block, int] = {}
    least = None
    for order in _orders(blocks):
        offsets = _placed(order)
        size = _end(offsets)
        if least is None or size < least:
            best, least = offsets, size
        if least <= bound:
            break
    found = {buffer: offset for block, offset in best.items() for buffer in block.buffers}
    return MemoryPlan(found, least or 0, bound)


def _blocks(program: Program) -> list[Block]:
    last_read = {buffer: number for number, step in enumerate(program.steps) for buffer in step.reads}
    blocks: dict[Buffer, Block] = {}
    for number, step in enumerate(program.steps):
        for buffer in step.scratch:
            blocks[buffer] = Block([buffer], buffer.size_bytes, number, number)
        for buffer in step.writes:
            if not buffer.in_arena:
                continue
            if buffer in blocks:  # its border is written before
                blocks[buffer].last = max(blocks[buffer].last, number)
                continue
            last, over = max(number, last_read.get(buffer, number)), step.overwrites
            if over in blocks and last_read[over] == number and _lie_alike(over, buffer):
                blocks[buffer] = block = blocks[over]
                block.buffers.append(buffer)
                block.last = last
            else:
                blocks[buffer] = Block([buffer], buffer.size_bytes, number, last)
    for buffer, number in last_read.items():
        if buffer in blocks:
            blocks[buffer].last = max(blocks[buffer].last, number)
    return list(dict.fromkeys(blocks.values()))


def _lie_alike(one: Buffer, other: Buffer) -> bool:
    """Whether an element of one buffer lies where the same element of the other does."""
    return (one.size_bytes, one.pitch, one.border) == (other.size_bytes, other.pitch, other.border)


def _lower_bound(blocks: Iterable[Block], steps: int) -> int:
    sums = [0] * steps
    for block in blocks:
        for number in range(block.first, block.last + 1):
            sums[number] += block.size_bytes
    return max(sums, default=0)


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
