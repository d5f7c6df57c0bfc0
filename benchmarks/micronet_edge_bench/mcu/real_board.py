"""Reads what a real board measures: its program, measure.c with NAME.c, prints a report again and again."""

from dataclasses import replace
from pathlib import Path

from micronet_edge_bench.mcu.build import FIRMWARE
from micronet_edge_bench.mcu.errors import McuError
from micronet_edge_bench.mcu.network_source import read_source
from micronet_edge_bench.mcu.report import Report, ReportReader
from micronet_edge_bench.mcu.results import Measured, measured_of
from micronet_edge_bench.mcu.serial_line import BAUD, lines_from

MOST_SECONDS = 60.0
"""For ten runs, the pause between two reports, and the rest of one that had begun."""


def read_board(
    file: Path, device: str, *, profile: bool = False, most_seconds: float = MOST_SECONDS
) -> Measured:
    """The cycles that a network takes on a board, by the board's own report.

    Args:
        file: NAME.c, which the board runs.
        device: the line to the board, as for `lines_from`.
        profile: whether to take the counts of its steps as well.
        most_seconds: to wait for a whole report.

    Raises:
        McuError: on a line that fails or brings no whole report, and on a report of another network.
    """
    source = read_source(file)
    report = _report(device, most_seconds)
    if report.network != source.identifier:
        raise McuError(f"{device} runs {report.network}, not {file}: flash the program with {file.name}")
    if not report.guard_is_whole:
        raise McuError(f"{file.name} writes behind its arena of {report.arena_bytes:,} bytes on {device}")
    if profile and not report.steps:
        raise McuError(
            f"{device} reports no steps: build measure.c with -DMICRONET_PROFILE and {file.name} with "
            "-include profile.h, or leave out --profile"
        )
    measured = measured_of(report, source, file, device)
    return replace(measured, steps=report.steps) if profile else measured


def _report(device: str, most_seconds: float) -> Report:
    reader = ReportReader()
    for line in lines_from(device, most_seconds):
        if (report := reader.feed(line)) is not None:
            return report
    raise McuError(
        f"{device} brings no whole report within {most_seconds:g} seconds: flash a program with "
        f"{FIRMWARE / 'measure.c'}, which prints at {BAUD:,} baud"
    )
