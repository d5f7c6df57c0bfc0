"""Measures C files on microcontrollers, emulated and real, and shows results files of such measurements."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from micronet_edge.data.metadata import DISTRIBUTION, tool_version
from micronet_edge.errors import SettingsError
from micronet_edge_bench.distinct_names import distinct_names
from micronet_edge_bench.mcu.device_names import C_SUFFIX, RESULTS_SUFFIX, SCHEME, boards_of, is_line
from micronet_edge_bench.mcu.emulated_board import measure
from micronet_edge_bench.mcu.errors import McuError
from micronet_edge_bench.mcu.network_source import read_source
from micronet_edge_bench.mcu.real_board import read_board
from micronet_edge_bench.mcu.results import McuResults, Measured, read_mcu_results

Progress = Callable[[str, str, float, float], None]
"""Called with the device, the file, the finished and the total amount."""


def bench(
    paths: Sequence[Path],
    devices: Sequence[str],
    *,
    against: Path | None = None,
    profile: bool = False,
    progress: Progress = lambda *_: None,
) -> McuResults:
    """Measures C files on every device, or reads one results file.

    Args:
        paths: C files, or one results file.
        devices: mcu:// names.
        against: the C file that ratios are taken of; the default is the first.
        profile: whether to count each step as well.
        progress: is told before each file.

    Raises:
        MicronetEdgeError: on other files or devices among them, on repeated ones, and on a measurement that
            fails.
    """
    if any(path.suffix == RESULTS_SUFFIX for path in paths):
        return _shown(paths, devices, against)
    files = list(paths)
    if against is not None and os.path.realpath(against) not in map(os.path.realpath, files):
        files.insert(0, against)
    boards = boards_of(devices, files)
    _check_files(files, devices[0])
    names = distinct_names(files)
    found: list[Measured] = []
    for board in boards:
        for place, (name, file) in enumerate(zip(names, files, strict=True)):
            progress(SCHEME + board, name, place, len(files))
            found.append(replace(_measure(file, board, profile=profile), file=name))
        progress(SCHEME + board, "done", 1, 1)
    _check_scores(found)
    places = [os.path.realpath(file) for file in files]
    baseline = names[0 if against is None else places.index(os.path.realpath(against))]
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return McuResults(now, f"{DISTRIBUTION} {tool_version()}", baseline, tuple(found))


def _shown(paths: Sequence[Path], devices: Sequence[str], against: Path | None) -> McuResults:
    if len(paths) > 1 or against is not None:
        raise SettingsError("results of microcontrollers are shown one file at a time: give one FILE")
    if any(name.startswith(SCHEME) for name in devices):
        raise SettingsError(f"{paths[0]} is a results file, which is shown without --device: leave it out")
    return read_mcu_results(paths[0])


def _check_files(files: Sequence[Path], device: str) -> None:
    """Refuses all files that are no network's C files, before the first is measured."""
    if strangers := [file for file in files if file.suffix != C_SUFFIX]:
        raise McuError(
            f"{strangers[0]} cannot run on {device}, which takes C files only: measure it in a run of its own"
        )
    for file in files:
        read_source(file)


def _measure(file: Path, board: str, *, profile: bool) -> Measured:
    return (read_board if is_line(board) else measure)(file, board, profile=profile)


def _check_scores(found: Sequence[Measured]) -> None:
    """Raises McuError if a file computes different scores on two boards."""
    first: dict[str, Measured] = {}
    for each in found:
        other = first.setdefault(each.file, each)
        if other.scores != each.scores:
            raise McuError(
                f"{each.file} computes other scores on {SCHEME}{each.device} than on {SCHEME}{other.device}: "
                "run the test beside it on both"
            )
