"""The names of microcontrollers among the devices: mcu://cortex-m4, mcu://serial:PORT and the like."""

from collections.abc import Sequence
from pathlib import Path

from micronet_edge.errors import MicronetEdgeError, SettingsError
from micronet_edge.util.user_files import read_json
from micronet_edge_bench.mcu.boards import BOARDS
from micronet_edge_bench.mcu.errors import McuError
from micronet_edge_bench.mcu.results import are_mcu_results
from micronet_edge_bench.mcu.serial_line import SERIAL, TCP, check_line
from micronet_edge_bench.results import RESULTS

SCHEME = "mcu://"
C_SUFFIX, RESULTS_SUFFIX = ".c", ".json"

_CHOICES = ", ".join(f"{SCHEME}{name}" for name in (*BOARDS, "serial:PORT")) + f" or {SCHEME}tcp:HOST:PORT"


def of_microcontrollers(paths: Sequence[Path], devices: Sequence[str]) -> bool:
    """Whether a measurement is one of microcontrollers, by any of its files and devices."""
    if any(name.startswith(SCHEME) for name in devices) or any(path.suffix == C_SUFFIX for path in paths):
        return True
    return any(path.suffix == RESULTS_SUFFIX and _is_ours(path) for path in paths)


def boards_of(devices: Sequence[str], paths: Sequence[Path]) -> list[str]:
    """The devices without their scheme, for measuring those files.

    Raises:
        MicronetEdgeError: on a device that is no microcontroller, unknown, or given twice.
    """
    if strangers := [name for name in devices if not name.startswith(SCHEME)]:
        if len(strangers) < len(devices):
            raise SettingsError(f"{strangers[0]} is no microcontroller: measure on it in a run of its own")
        file = next((path for path in paths if path.suffix == C_SUFFIX), paths[0])
        raise McuError(f"{file.name} runs on microcontrollers: give --device {_CHOICES}")
    boards = [name.removeprefix(SCHEME) for name in devices]
    if repeated := [name for name in boards if boards.count(name) > 1]:
        raise SettingsError(f"device {SCHEME}{repeated[0]} is given twice: give it once")
    for name in boards:
        if is_line(name):
            check_line(name)
        elif name not in BOARDS:
            raise McuError(f"{SCHEME}{name} is unknown: give {_CHOICES}")
    return boards


def is_line(board: str) -> bool:
    """Whether a board is a real one, at the end of a line."""
    return board.startswith((SERIAL, TCP))


def _is_ours(path: Path) -> bool:
    try:
        return are_mcu_results(read_json(path, RESULTS))
    except MicronetEdgeError:  # whoever reads it says why
        return False
