"""The emulated boards, one for each kind of Cortex-M."""

from dataclasses import dataclass

from micronet_edge_bench.mcu.errors import McuError

NOT_CYCLES = "instructions of an emulator, not cycles"
"""What the figures of an emulated board are, to print beside them."""

MOST_INSTRUCTIONS = 4_000_000_000
"""A program that takes more is ended. The counter has 32 bits."""


@dataclass(frozen=True, slots=True)
class Board:
    """An emulated board.

    Attributes:
        name: the kind of core, as users give it.
        machine: qemu's name of the board.
        core_flags: the compiler's options for its core.
        clock_mhz: the clock of its SysTick in qemu, which counts instructions.
    """

    name: str
    machine: str
    core_flags: tuple[str, ...]
    clock_mhz: int


BOARDS = {
    board.name: board
    for board in (
        Board("cortex-m4", "mps2-an386", ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16"), 25),
        Board("cortex-m7", "mps2-an500", ("-mcpu=cortex-m7", "-mfpu=fpv5-d16"), 25),
        Board("cortex-m55", "mps3-an547", ("-mcpu=cortex-m55", "-mfpu=auto"), 32),
    )
}


def find_board(name: str) -> Board:
    """The board of that name. Raises McuError if there is none."""
    if name not in BOARDS:
        raise McuError(f"unknown board {name!r}: choose from {', '.join(BOARDS)}")
    return BOARDS[name]
