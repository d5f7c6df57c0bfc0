"""The headers compile without a warning in C and C++, for every instruction set, and need little stack."""

import pytest
from exporters.c.kernels.building import CORTEX_M4, CORTEX_M55, WARNINGS, compiled, compiled_for, needed
from exporters.c.kernels.program import HEADERS, written
from exporters.c.kernels.shapes import typical

# C as it ships, C++ as it is debugged.
C, CPP = ("-std=c99", "-O2"), ("-std=c++11", "-x", "c++", "-O0")
CLANG = ("clang", "--target=arm-none-eabi", "-isystem", "/usr/lib/arm-none-eabi/include")
STACK_BYTES = 1536
"""Of one kernel, more than any takes; a network's functions may take 4096 together."""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """One call of each kernel, once with constants and once without."""
    calls = list({call.kernel: call for call in typical()}.values())
    path = tmp_path_factory.mktemp("kernels") / "calls.c"
    written(2 * calls, path, lambda number: number < len(calls))
    return path


@pytest.mark.parametrize("language", [C, CPP], ids=["c", "c++"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_warning_on_the_host(program, tmp_path, compiler, language):
    needed(compiler)
    compiled([compiler, *language, *WARNINGS, "-I", HEADERS, "-c", program], tmp_path / "calls.o")


@pytest.mark.parametrize("flags", [CORTEX_M4, CORTEX_M55], ids=["cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("language", [C, CPP], ids=["c", "c++"])
@pytest.mark.parametrize(
    "compiler",
    [("arm-none-eabi-gcc",), pytest.param(CLANG, marks=pytest.mark.slow)],
    ids=["gcc", "clang"],
)
def test_no_warning_for_microcontrollers(program, tmp_path, compiler, language, flags):
    needed(compiler[0], "arm-none-eabi-gcc")
    command = [*compiler, *flags, *language, *WARNINGS, "-I", HEADERS, "-c", program]
    compiled(command, tmp_path / "calls.o")


@pytest.mark.parametrize("flags", [CORTEX_M4, CORTEX_M55], ids=["cortex-m4", "cortex-m55"])
def test_kernels_need_little_stack(program, tmp_path, flags):
    needed("arm-none-eabi-gcc")
    compiled_for((*flags, "-fstack-usage"), program, tmp_path / "calls.o")
    used = {}
    for line in (tmp_path / "calls.su").read_text(encoding="ascii").splitlines():
        place, size, _ = line.split("\t")
        used[place.rpartition(":")[2]] = int(size)
    assert "plain_convolution" in used
    assert {name: size for name, size in used.items() if size > STACK_BYTES} == {}
