"""Networks built for emulated boards: what is measured, what is proven, and how a bad one ends."""

import subprocess
from shutil import which

import pytest

from micronet_edge_bench.mcu import (
    BOARDS,
    NOT_CYCLES,
    PASS,
    McuError,
    build,
    emulator,
    measure,
    prove_on_board,
)
from micronet_edge_bench.mcu.boards import find_board
from micronet_edge_bench.mcu.build import Builder, run_tool
from micronet_edge_bench.mcu.emulated_board import measuring_program
from micronet_edge_bench.mcu.network_source import read_source

pytestmark = pytest.mark.usefixtures("tools")

BOARD = "cortex-m4"
REPEATS_WITHIN = 50
HOOK = 40
"""What a step's count may be off by: one tick of the counter."""

READING = 100
"""Instructions that reading the counter twice may add to a count, with the counter's tick."""

START = "    MICRONET_STEP(0)\n"


@pytest.mark.parametrize("board", BOARDS)
def test_a_count_repeats(network, board):
    file = network()
    first, again = measure(file, board), measure(file, board)
    assert (first.unit, first.kind, first.clock_hz) == ("instructions", NOT_CYCLES, 0)
    assert 5_000 < first.count < 20_000
    assert abs(first.count - again.count) <= REPEATS_WITHIN
    assert (first.flash, first.stack_bytes, first.scores) == (again.flash, again.stack_bytes, again.scores)


@pytest.mark.parametrize("board", BOARDS)
def test_a_count_is_that_of_the_emulators_own_trace(network, tmp_path, board):
    """qemu logs each instruction of the function, which runs once for the count and once for the stack."""
    file = network()
    builder = Builder(find_board(board), tmp_path, file)
    program = measuring_program(builder, read_source(file), builder.compile(file, "network"))
    symbols = run_tool("nm", ["-S", str(program)], "").splitlines()
    (start, size, *_), *_ = (line.split() for line in symbols if line.endswith(" tiny_run"))
    log = ("-singlestep", "-d", "exec,nochain", "-D", str(tmp_path / "log"))
    only = ("-dfilter", f"0x{start}+0x{size}")
    subprocess.run(
        [*emulator.command_line(program, builder.board), *log, *only],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    traced = (tmp_path / "log").read_text().count("Trace ") / 2
    assert 0 <= measure(file, board).count - traced <= READING


def test_twice_the_work_is_counted_twice(network):
    once = measure(network(), BOARD)
    twice = measure(
        network(
            ("p < 64; p++", "p < 128; p++"),
            ("3 * p + k", "3 * (p & 63) + k"),
            ("7 * p + c", "7 * (p & 63) + c"),
        ),
        BOARD,
    )
    assert 1.8 < twice.count / once.count < 2.6
    assert once.scores != twice.scores  # its means are twice as large


def test_the_scores_are_the_same_on_every_board(network):
    file = network()
    assert len({measure(file, board).scores for board in BOARDS}) == 1


def test_steps_have_names_and_kinds_and_add_up(network):
    found = measure(network(), BOARD, profile=True)
    assert [(step.name, step.kind) for step in found.steps] == [
        ("stem/conv", "pointwise"),
        ("pool", "mean"),
        ("classifier/linear", "linear"),
    ]
    total = sum(step.count for step in found.steps)
    assert abs(total - found.count) <= 0.02 * found.count + HOOK * len(found.steps)


def test_memory_is_divided(network):
    found = measure(network(), BOARD)
    assert found.arena_bytes == 512
    assert 32 <= found.stack_bytes <= 512
    assert found.flash.weights_bytes == 184
    assert found.flash.tables_bytes == 64
    assert 200 < found.flash.code_bytes < 4_000
    assert found.flash.total_bytes == 248 + found.flash.code_bytes


@pytest.mark.parametrize("section", [".rodata_ext", ".qspi", "external_flash"])
def test_weights_may_lie_in_a_section_of_their_own(network, section):
    array = "static const int8_t c1_classifier"
    usual = measure(network(), BOARD).flash
    there = network((array, f'__attribute__((section("{section}"))) {array}'))
    assert measure(there, BOARD).flash == usual
    assert prove_on_board(there, BOARD) == PASS


def test_a_deep_stack_is_seen(network):
    deep = network((START, f"{START}    volatile int8_t deep[4000];\n    deep[0] = deep[3999] = image[0];\n"))
    assert 4_000 <= measure(deep, BOARD).stack_bytes <= 4_600


@pytest.mark.parametrize("board", BOARDS)
def test_a_good_network_passes(network, board):
    assert prove_on_board(network(), board) == PASS


def test_the_first_difference_is_told(network):
    wrong = network(("sum >> 7", "sum >> 7) + (o == 3"))
    assert prove_on_board(wrong, BOARD) == "FAIL score 3: 31, expected 30"


def test_a_test_that_claims_to_pass_and_fails(network, refusal):
    liar = network(("return 0;", "return 1;"), changed="tiny_test.c")
    assert "'PASS' and ends with exit code 1" in refusal(McuError, prove_on_board, liar, BOARD)


def test_a_test_that_says_nothing(network, refusal):
    mute = network(('printf("PASS\\n");', ""), changed="tiny_test.c")
    assert "tiny_test.c prints 'nothing'" in refusal(McuError, prove_on_board, mute, BOARD)


@pytest.mark.parametrize(
    ("line", "error_line"),
    [
        ("*(volatile int *)0xE1000000 = 1;", "tiny.c faults by an access outside of its memory"),
        ("((void (*)(void))0xA0000001)();", "tiny.c faults by a jump outside of its memory in tiny_run"),
        (
            "static int (*volatile f)(void); f();",
            "tiny.c faults by a jump to an address that is no function's",
        ),
        ('__asm__ volatile("udf #0");', "tiny.c faults by an undefined instruction in tiny_run on cortex-m4"),
        ("((int8_t *)arena)[TINY_ARENA_BYTES] = 1;", "tiny.c writes behind its arena of 512 bytes"),
        ("volatile char b[1 << 17]; b[0] = 1; b[1 << 16] = 1;", "its stack overflows the 64 kB"),
    ],
    ids=["access", "jump", "null", "undefined", "guard", "stack"],
)
def test_a_bad_program(network, refusal, line, error_line):
    bad = network((START, f"{START}    {line}\n"))
    assert error_line in refusal(McuError, measure, bad, BOARD)


def test_a_program_that_does_not_end(network, refusal, monkeypatch):
    for module in (build, emulator):
        monkeypatch.setattr(module, "MOST_INSTRUCTIONS", 100_000_000)  # told when the counter wraps
    endless = network((START, f"{START}    for (volatile int i = 0;; i++);\n"))
    message = refusal(McuError, measure, endless, BOARD)
    assert message == "tiny.c does not end within 100,000,000 instructions on cortex-m4"


def test_a_test_that_faults(network, refusal):
    bad = network((START, f'{START}    __asm__ volatile("udf #0");\n'))
    assert "tiny_test.c faults by an undefined instruction" in refusal(McuError, prove_on_board, bad, BOARD)


def test_a_program_that_sleeps(network, tmp_path, refusal):
    sleeper = network((START, f'{START}    for (;;) __asm__ volatile("cpsid i; wfi");\n'))
    board = find_board(BOARD)
    builder = Builder(board, tmp_path, sleeper)
    test = builder.compile(sleeper.with_name("tiny_test.c"), "test")
    program = builder.link(test, builder.compile(sleeper, "network"))
    message = refusal(McuError, emulator.run, program, board, "tiny.c", most_seconds=1.0)
    assert message == "tiny.c does not end on cortex-m4 within 1 seconds"


def test_a_file_that_does_not_compile(network, refusal):
    bad = network(("int8_t *map = arena;", "int8_t *map = arenas;"))
    message = refusal(McuError, measure, bad, BOARD)
    assert message.startswith("tiny.c cannot be built for cortex-m4: tiny.c:")
    assert "error: 'arenas' undeclared" in message


def test_the_compilers_whole_output_is_the_cause(network):
    bad = network(("int8_t *map = arena;", "int8_t *map = arenas;"))
    with pytest.raises(McuError) as caught:
        measure(bad, BOARD)
    assert "note: each undeclared identifier" in str(caught.value.__cause__)


def test_a_file_that_does_not_link(network, refusal):
    bad = network(
        ("int8_t *map = arena;", "extern int missing; int8_t *map = arena; *map = (int8_t)missing;")
    )
    assert "undefined reference to `missing'" in refusal(McuError, measure, bad, BOARD)


def test_an_arena_beyond_the_boards_memory(network, refusal):
    large = network(("TINY_ARENA_BYTES 512", "TINY_ARENA_BYTES 5000000"), changed="tiny.h")
    assert "will not fit in region `DATA'" in refusal(McuError, measure, large, BOARD)


@pytest.mark.parametrize("name", ["a b", "$(touch x)", "-o", "é", "network", "measure", "emulator"])
def test_any_file_name(network, name):
    file = network(('#include "tiny.h"', f'#include "{name}.h"'), name=name)
    assert measure(file, BOARD).file == f"{name}.c"


@pytest.mark.parametrize("tool", ["arm-none-eabi-gcc", "qemu-system-arm"])
def test_a_missing_tool(network, refusal, monkeypatch, tmp_path, tool):
    for each in ("arm-none-eabi-gcc", "arm-none-eabi-nm", "arm-none-eabi-size", "qemu-system-arm"):
        if each != tool:
            (tmp_path / each).symlink_to(which(each))
    monkeypatch.setenv("PATH", str(tmp_path))
    message = refusal(McuError, measure, network(), BOARD)
    assert message.startswith(f"{tool} is not on the PATH: install ")
