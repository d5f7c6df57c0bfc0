"""Every instruction set computes what the reference in Python computes, bit for bit."""

import functools

import pytest
from exporters.c.kernels.building import BOARDS, WARNINGS, compiled, compiled_for, emulated, linked, needed
from exporters.c.kernels.program import HEADERS, differences, printed, written
from exporters.c.kernels.shapes import all_calls

DIRECT_EVERY = 12
"""Of so many calls one sees constant arguments, as in a generated file."""


@pytest.fixture(scope="module")
def calls():
    return all_calls()


@pytest.fixture(scope="module")
def program(calls, tmp_path_factory):
    path = tmp_path_factory.mktemp("kernels") / "calls.c"
    written(calls, path, lambda number: number % DIRECT_EVERY == 0)
    return path


@pytest.fixture(scope="module")
def object_for(program):
    """Compiles the program once for each core."""
    return functools.cache(
        lambda flags: compiled_for(flags, program, program.with_suffix(f".{hash(flags)}.o"))
    )


def test_portable_kernels_equal_the_reference(calls, program, tmp_path):
    needed("cc")
    command = ["cc", "-O1", "-std=c99", *WARNINGS, "-I", HEADERS, program]
    assert differences(calls, printed([compiled(command, tmp_path / "calls")])) == []


@pytest.mark.parametrize("name", BOARDS)
def test_cortex_m_kernels_equal_the_reference(calls, object_for, tmp_path, name):
    needed("arm-none-eabi-gcc", "qemu-system-arm")
    board = BOARDS[name]
    program = linked(board, object_for(board.flags), tmp_path / "calls.elf")
    assert differences(calls, printed(emulated(board, program))) == []


@pytest.mark.parametrize("compiler", ["gcc", pytest.param("clang", marks=pytest.mark.slow)])
def test_sanitizers_find_nothing(calls, program, tmp_path, compiler):
    needed(compiler)
    command = [
        compiler, "-O1", "-std=c99", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", *WARNINGS,
        "-I", HEADERS, program,
    ]  # fmt: skip
    assert differences(calls, printed([compiled(command, tmp_path / "calls")])) == []
