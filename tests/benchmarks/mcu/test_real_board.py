"""A real board at the end of a line: a pseudo-terminal or a socket that replays what measure.c prints."""

import os
import pty
import re
import socket
import threading

import pytest

from micronet_edge_bench.mcu import BOARDS, FIRMWARE, McuError, emulator, measure
from micronet_edge_bench.mcu.benching import bench
from micronet_edge_bench.mcu.boards import find_board
from micronet_edge_bench.mcu.build import Builder
from micronet_edge_bench.mcu.emulated_board import PROFILE, measuring_program
from micronet_edge_bench.mcu.network_source import read_source
from micronet_edge_bench.mcu.real_board import read_board

BOARD = "cortex-m4"
REPEATED = ("-DMICRONET_RUNS=3", "-DMICRONET_PROFILE")
PATIENCE_S = 20.0
HOOK = 150
"""Instructions of a step's hook, which the counts of runs include in such a build."""


def printed_by(file, folder, *options):
    """What measure.c prints on an emulated board for a network, as a serial line carries it."""
    builder = Builder(find_board(BOARD), folder, file)
    network = builder.compile(file, "network", PROFILE)
    program = measuring_program(builder, read_source(file), network, *options)
    _status, printed = emulator.run(program, builder.board, file.name)
    return printed.replace("\n", "\r\n").encode()


@pytest.fixture
def printed(request, network, tmp_path):
    request.getfixturevalue("tools")
    return printed_by(network(), tmp_path, *REPEATED)


@pytest.fixture
def replay():
    """Writes to a handle from a thread, again and again in odd pieces, as a board does that has long run."""
    ended, threads = threading.Event(), []

    def start(handle, content):
        def write():
            while not ended.wait(0.01):
                for place in range(0, len(content), 37):
                    try:
                        os.write(handle, content[place : place + 37])
                    except OSError:  # the reader has enough
                        return

        os.write(handle, content[len(content) // 2 :])
        threads.append(threading.Thread(target=write, daemon=True))
        threads[-1].start()

    yield start
    ended.set()
    for thread in threads:
        thread.join(PATIENCE_S)


@pytest.fixture
def terminal():
    """A pseudo-terminal: the board's end and the path of ours."""
    board, ours = pty.openpty()
    os.set_blocking(board, False)
    yield board, f"serial:{os.ttyname(ours)}"
    os.close(board)
    os.close(ours)


def test_a_serial_line(printed, network, terminal, replay):
    board, device = terminal
    replay(board, printed)
    found = read_board(network(), device, profile=True, most_seconds=PATIENCE_S)
    emulated = measure(network(), BOARD, profile=True)
    assert (found.device, found.unit, found.flash) == (device, "instructions", None)
    assert len(found.counts) == 3
    assert found.count == pytest.approx(emulated.count, abs=3 * HOOK)
    assert (found.scores, found.arena_bytes) == (emulated.scores, emulated.arena_bytes)
    assert [step.name for step in found.steps] == [step.name for step in emulated.steps]


@pytest.mark.parametrize("right", [True, False])
def test_a_board_must_compute_what_the_emulator_does(printed, network, terminal, replay, refusal, right):
    board, device = terminal
    replay(board, printed if right else re.sub(rb"scores \d+", b"scores 5", printed))
    devices = (f"mcu://{BOARD}", f"mcu://{device}")
    if right:
        assert [each.device for each in bench([network()], devices).measured] == [BOARD, device]
    else:
        message = refusal(McuError, bench, [network()], devices)
        assert message.startswith(f"tiny.c computes other scores on mcu://{device} than on mcu://{BOARD}")


def test_a_line_over_tcp(printed, network):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve():
            with server.accept()[0] as line:
                line.sendall(b"boot\r\n" + printed)
                line.recv(1)  # until the reader closes

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        found = read_board(network(), f"tcp:127.0.0.1:{port}", most_seconds=PATIENCE_S)
        thread.join(PATIENCE_S)
    assert (found.device, len(found.counts), found.steps) == (f"tcp:127.0.0.1:{port}", 3, ())


def test_the_program_of_another_network(printed, network, terminal, replay, refusal):
    board, device = terminal
    replay(board, printed.replace(b"network tiny", b"network m1"))
    message = refusal(McuError, read_board, network(), device, most_seconds=PATIENCE_S)
    assert f"{device} runs m1, not " in message


def test_a_program_without_steps(printed, network, terminal, replay, refusal):
    board, device = terminal
    lines = printed.splitlines(keepends=True)
    plain = b"".join(line for line in lines if b" step " not in line)
    replay(board, plain.replace(b"end %d" % len(lines), b"end %d" % (len(lines) - 3)))
    message = refusal(McuError, read_board, network(), device, profile=True, most_seconds=PATIENCE_S)
    assert "reports no steps: build measure.c with -DMICRONET_PROFILE" in message


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize(
    "options",
    [(), ("-DMICRONET_PROFILE", "-DMICRONET_STACK_BYTES=4096"), ("-DMICRONET_COUNT()=7",)],
    ids=["plain", "all", "another counter"],
)
def test_the_program_for_a_board_has_no_warnings(network, tmp_path, board, options):
    builder = Builder(find_board(board), tmp_path, network())
    named = ("-DNETWORK=tiny", "-DNETWORK_CAPITALS=TINY", "-include", str(network().with_suffix(".h")))
    strict = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wconversion", "-Wno-sign-conversion")
    assert builder.compile(FIRMWARE / "measure.c", "measure", (*strict, *named, *options)).is_file()


def test_a_silent_board(network, terminal, refusal):
    _, device = terminal
    message = refusal(McuError, read_board, network(), device, most_seconds=0.2)
    assert "brings no whole report within 0.2 seconds: flash a program with" in message
    assert (FIRMWARE / "measure.c").is_file()


def test_a_board_that_is_unplugged(network, refusal):
    board, ours = pty.openpty()
    device = f"serial:{os.ttyname(ours)}"
    threading.Timer(0.3, os.close, [board]).start()
    message = refusal(McuError, read_board, network(), device, most_seconds=PATIENCE_S)
    os.close(ours)
    assert message.endswith(": connect it again")


def accept_and_close(server):
    server.accept()[0].close()


def test_a_connection_that_ends(network, refusal):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Thread(target=accept_and_close, args=(server,), daemon=True).start()
        message = refusal(McuError, read_board, network(), f"tcp:127.0.0.1:{port}", most_seconds=PATIENCE_S)
    assert "ended before the report did" in message


@pytest.mark.parametrize(
    ("device", "error_line"),
    [
        ("serial:/dev/no-such-line", "cannot be opened (No such file or directory)"),
        ("serial:/dev/null", "/dev/null is no serial line"),
        ("serial:", "is no line to a board: give serial:/dev/ttyACM0 or tcp:HOST:PORT"),
        ("tcp:localhost", "is no line to a board"),
        ("tcp:localhost:99999", "is no line to a board"),
        ("tcp:127.0.0.1:1", "cannot be opened (Connection refused)"),
    ],
)
def test_a_line_that_cannot_be_opened(network, refusal, device, error_line):
    assert error_line in refusal(McuError, read_board, network(), device, most_seconds=1.0)
