"""Measures and proves a network on an emulated board."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from micronet_edge.util.user_files import MIB, Kind, check_file
from micronet_edge_bench.mcu import emulator
from micronet_edge_bench.mcu.boards import find_board
from micronet_edge_bench.mcu.build import FIRMWARE, Builder, compiler_version
from micronet_edge_bench.mcu.errors import McuError
from micronet_edge_bench.mcu.flash import flash_of
from micronet_edge_bench.mcu.network_source import NetworkSource, read_source
from micronet_edge_bench.mcu.report import Report, Step, read_report
from micronet_edge_bench.mcu.results import Measured, measured_of

PASS = "PASS"  # noqa: S105 - what a test prints
_TEMPORARY = "micronet-edge-"
_EMULATOR = ("-include", str(FIRMWARE / "emulator.h"))
PROFILE = ("-include", str(FIRMWARE / "profile.h"))
"""How NAME.c is compiled so that its steps report themselves."""
_TEST = Kind("", 256 * MIB, "export the network again, which writes it", McuError)


def measure(file: Path, board: str, *, profile: bool = False) -> Measured:
    """Counts the instructions that a network takes on an emulated board, with its flash, arena and stack.

    Args:
        file: NAME.c, with NAME.h and the kernels beside it.
        board: one of BOARDS.
        profile: whether to count each step as well, in a build of its own.

    Raises:
        McuError: on files that are no network's, a missing tool, a build that fails, and a program that
            faults, does not end or writes behind its arena.
    """
    source, found = read_source(file), find_board(board)
    with TemporaryDirectory(prefix=_TEMPORARY) as folder:
        builder = Builder(found, Path(folder), source.path)
        network = builder.compile(source.path, "network")
        report = _report(builder, source, network)
        steps: tuple[Step, ...] = ()
        if profile:
            with_steps = builder.compile(source.path, "network-profile", PROFILE)
            steps = _report(builder, source, with_steps, "-DMICRONET_PROFILE").steps
        return replace(
            measured_of(report, source, file, board),
            flash=flash_of(network),
            tools=(compiler_version(), emulator.emulator_version()),
            steps=steps,
        )


def prove_on_board(file: Path, board: str) -> str:
    """Runs the test beside NAME.c on an emulated board: PASS, or the first difference.

    Raises:
        McuError: as `measure` does, and on a test that prints neither.
    """
    source, found = read_source(file), find_board(board)
    test = source.path.with_name(f"{source.path.stem}_test.c")
    check_file(test, _TEST)
    with TemporaryDirectory(prefix=_TEMPORARY) as folder:
        builder = Builder(found, Path(folder), source.path)
        objects = builder.compile(test, "test"), builder.compile(source.path, "network")
        status, printed = emulator.run(builder.link(*objects), found, test.name)
    lines = printed.split("\n")
    verdict = next((line for line in lines if line == PASS or line.startswith("FAIL")), None)
    if verdict is None or (verdict == PASS) != (status == 0):
        said = verdict or (printed.strip() or "nothing")[-200:]
        raise McuError(f"{test.name} prints {said!r} and ends with exit code {status} on {board}")
    return verdict


def measuring_program(builder: Builder, source: NetworkSource, network: Path, *options: str) -> Path:
    """The program of measure.c and the network's object, with what replaces a board."""
    header = ("-include", str(source.path.with_name(source.header)))
    names = (f"-DNETWORK={source.identifier}", f"-DNETWORK_CAPITALS={source.capitals}")
    measuring = (*_EMULATOR, *header, *names, *options)
    return builder.link(builder.compile(FIRMWARE / "measure.c", "measure", measuring), network)


def _report(builder: Builder, source: NetworkSource, network: Path, *options: str) -> Report:
    program = measuring_program(builder, source, network, *options)
    _status, printed = emulator.run(program, builder.board, source.path.name)
    report = read_report(printed.splitlines(), source.path.name)
    if not report.guard_is_whole:
        raise McuError(
            f"{source.path.name} writes behind its arena of {report.arena_bytes:,} bytes on "
            f"{builder.board.name}: export it again, and report it if that stays"
        )
    return report
