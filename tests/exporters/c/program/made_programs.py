"""Programs that no network has written, and what a plan of their memory must keep apart."""

from hypothesis import strategies as st

from micronet_edge_c.program.buffers import INT8, INT16, INT32, Border, Buffer
from micronet_edge_c.program.steps import Pointer, Program, Step


def made_step(reads, writes, *, scratch=(), overwrites=None):
    """A step that reads and writes those buffers."""
    pointers = [*(Pointer(each) for each in reads), *(Pointer(each, written=True) for each in writes)]
    pointers += [Pointer(each, written=True) for each in scratch]
    return Step("layer", "kind", "micronet_made", tuple(pointers), tuple(scratch), overwrites)


def lifetimes(program):
    """The steps at which each buffer of the arena holds numbers that are still wanted."""
    found = {}
    for number, step in enumerate(program.steps):
        for buffer in (*step.writes, *step.scratch, *step.reads):
            if buffer.in_arena:
                found.setdefault(buffer, []).append(number)
    return {buffer: set(range(min(numbers), max(numbers) + 1)) for buffer, numbers in found.items()}


def needed_bytes(program):
    """The bytes that some step needs even if it writes over what it may."""
    lives = lifetimes(program)
    most = 0
    for number, step in enumerate(program.steps):
        alive = sum(buffer.size_bytes for buffer, steps in lives.items() if number in steps)
        spared = step.overwrites.size_bytes if step.overwrites in lives else 0
        most = max(most, alive - spared)
    return most


@st.composite
def _buffers(draw, number):
    sides = st.integers(1, 6)
    border = draw(st.sampled_from([Border(), Border(1, 1, 0, 0), Border(2, 2, 2, 2)]))
    ctype = draw(st.sampled_from([INT8, INT8, INT16, INT32]))
    return Buffer(f"b{number}", ctype, draw(st.integers(1, 40)), draw(sides), draw(sides), border)


@st.composite
def made_programs(draw):
    """Steps that each read some of the buffers before them and write one or two new ones."""
    image = Buffer("image", INT8, 3, 8, 8, in_arena=False)
    there, steps = [image], []
    for number in range(draw(st.integers(1, 14))):
        reads = draw(st.lists(st.sampled_from(there[-4:]), min_size=1, max_size=2, unique=True))
        over = reads[0] if draw(st.booleans()) and reads[0].in_arena else None
        y = draw(_buffers(number))
        if over is not None and draw(st.booleans()):
            y = Buffer(f"b{number}", over.ctype, over.channels, over.height, over.width, over.border)
        scratch = [draw(_buffers(f"{number}s"))] if draw(st.integers(0, 3)) == 0 else []
        if y.border and draw(st.booleans()):
            steps.append(made_step([], [y]))
        sums = [draw(_buffers(f"{number}m"))] if over is None and draw(st.integers(0, 3)) == 0 else []
        steps.append(made_step(reads, [y, *sums], scratch=scratch, overwrites=over))
        there += [y, *sums]
    return Program(tuple(steps), image, there[-1])
