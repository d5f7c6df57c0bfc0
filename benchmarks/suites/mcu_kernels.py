"""Instructions of the microcontroller kernels at shapes of networks, on emulated Cortex-M4 and M55.

    .venv/bin/python benchmarks/suites/mcu_kernels.py [RESULT.json]

Needs arm-none-eabi-gcc and qemu-system-arm. One emulated instruction is one nanosecond of virtual time.
Instructions are no cycles: the emulator knows no wait states, and most vector instructions of a Cortex-M55
take two cycles.
"""

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from micronet_edge.util.terminal import open_console

REPOSITORY = Path(__file__).parents[2]
HEADERS = REPOSITORY / "exporters" / "micronet_edge_c" / "kernels"
FIRMWARE = REPOSITORY / "tests" / "exporters" / "c" / "firmware"

NOTE = "Emulated instructions, not cycles; per multiply-add, or per element where a kernel has none."


@dataclass(frozen=True)
class Board:
    machine: str
    flags: tuple[str, ...]
    tick_ns: float


BOARDS = {
    "cortex-m4": Board("mps2-an386", ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16"), 1000 / 25),
    "cortex-m55": Board("mps3-an547", ("-mcpu=cortex-m55",), 1000 / 32),
}


@dataclass(frozen=True)
class Shape:
    name: str
    call: str
    work: int
    """Multiply-adds, or elements."""


def pointwise(pixels: int, groups: int, depth: int, width: int) -> Shape:
    ci, co = groups * depth, groups * width
    call = f"micronet_pointwise(x, w, y, 1, {pixels}, {pixels * ci}, {pixels * co}, {ci}, {co}, {groups}, q)"
    name = f"pointwise {pixels} pixels, {groups} groups of {depth} to {width}"
    return Shape(name, call, pixels * depth * co)


def lines(
    channels: int,
    filters: tuple[int, int, int],
    length: int,
    count: int,
    *,
    sums: bool = False,
    wide: str = "",
) -> Shape:
    """`filters` are (multiplier, taps, stride); which of "x" and "y" are int16."""
    multiplier, taps, stride = filters
    wide_x, wide_y = int("x" in wide), int("y" in wide)
    pixel, co = channels << wide_x, channels * multiplier
    fields = f"{channels}, {multiplier}, {taps}, {stride}, {length}, {count}"
    steps = f"{count * pixel}, {pixel}, {count * co << wide_y}, {co << wide_y}, {wide_x}, {wide_y}"
    kernel = f"micronet_depthwise_lines(x, w, y, {'s' if sums else '0'}, 0, f, {_output(wide_y)})"
    call = f"micronet_lines f = {{{fields}, {steps}}}; {kernel}"
    name = f"depthwise {taps} taps, stride {stride}, {channels} x {multiplier} channels, {length} x {count}"
    name += f", {' and '.join(wide)} of 16 bits" if wide else ""
    return Shape(name + (", summed" if sums else ""), call, length * count * co * taps)


def _output(wide: int) -> str:
    return "wide_q" if wide else "q"


def square(channels: int, size: int, stride: int, side: int) -> Shape:
    pitch = ((side - 1) * stride + size) * channels
    fields = f"{channels}, {size}, {stride}, {side}, {side}, {pitch}, {side * channels}"
    call = f"micronet_square f = {{{fields}}}; micronet_depthwise_square(x, w, y, 0, f, q)"
    name = f"depthwise {size} x {size}, stride {stride}, {channels} channels, {side} x {side}"
    return Shape(name, call, side * side * channels * size * size)


def stem(kernel_w: int, width: int, side: int, *, wide: bool = False) -> Shape:
    """3 x 1 with stride 2 in rows, or 3 x 3 with stride 2, over 3 channels; uint8 pixels."""
    stride, left = (1, 0) if kernel_w == 1 else (2, 1)
    columns = side // stride
    fields = f"3, {width}, 1, 3, {kernel_w}, 2, {stride}, 1, {left}, {side}, {side}, {side // 2}, {columns}"
    pitches = f"{3 * side}, {width * columns << wide}, 1, {int(wide)}"
    kernel = f"micronet_convolution(x, w, y, (int8_t *)s, y + 5000, f, {_output(wide)})"
    call = f"micronet_window f = {{{fields}, {pitches}}}; {kernel}"
    name = f"stem 3 x {kernel_w} to {width}, {side} pixels{', y of 16 bits' if wide else ''}"
    return Shape(name, call, side // 2 * columns * width * 9 * kernel_w)


def shift_max(channels: int, fusions: int, pixels: int) -> Shape:
    fields = (
        f"{channels}, {channels}, 2, {fusions}, 1, {pixels}, {pixels * channels}, {pixels * channels}, 11"
    )
    kernel = f"micronet_shift_max(x, a, from_{channels}, to_{channels}, y, 0, f, 99999, q)"
    call = f"micronet_fusion f = {{{fields}}}; {kernel}"
    return Shape(
        f"shift-max J = 2, K = {fusions}, {channels} channels, {pixels} pixels", call, channels * pixels
    )


def linear(ci: int, co: int) -> Shape:
    return Shape(f"linear {ci} to {co}", f"micronet_linear(x, x, w, y, (int16_t *)s, {ci}, {co}, q)", ci * co)


def coefficients(ci: int, co: int) -> Shape:
    call = f"micronet_coefficients(x, x, w, a, (int16_t *)s, {ci}, {co}, 0, 4095, offsets, 4)"
    return Shape(f"coefficients {ci} to {co}", call, ci * co)


ADD = "micronet_sum_of f = {1, 2, 300, 400}; micronet_add(x, x + 4000, y, 1, 3456, 1, 1, 1, f, 99999, q)"

SHAPES = (
    stem(1, 4, 96),
    stem(1, 8, 96),
    stem(1, 4, 96, wide=True),
    stem(1, 8, 96, wide=True),
    stem(3, 16, 96),
    pointwise(144, 4, 4, 6),
    pointwise(144, 8, 4, 12),
    pointwise(144, 6, 8, 8),
    pointwise(36, 8, 8, 36),
    pointwise(144, 1, 16, 32),
    pointwise(144, 1, 12, 32),
    pointwise(144, 1, 32, 96),
    pointwise(37, 4, 36, 24),
    pointwise(9, 1, 72, 240),
    lines(8, (1, 3, 1), 24, 24),
    lines(8, (1, 3, 2), 24, 24),
    lines(24, (1, 5, 1), 12, 12),
    lines(24, (1, 5, 1), 12, 12, sums=True),
    lines(24, (1, 5, 2), 12, 12),
    lines(12, (2, 3, 1), 24, 24),
    lines(12, (2, 3, 2), 24, 24),
    lines(12, (2, 5, 1), 12, 12),
    lines(8, (1, 3, 1), 24, 24, wide="y"),
    lines(8, (1, 3, 1), 24, 24, wide="x"),
    lines(24, (1, 5, 2), 12, 12, wide="y"),
    lines(12, (2, 5, 1), 12, 12, wide="x"),
    square(16, 3, 1, 24),
    square(16, 3, 2, 24),
    square(48, 5, 1, 12),
    square(48, 5, 2, 6),
    shift_max(32, 2, 144),
    shift_max(32, 1, 144),
    shift_max(96, 2, 36),
    shift_max(12, 2, 576),
    linear(640, 1000),
    coefficients(12, 192),
    coefficients(24, 384),
    Shape("sum 36 x 96", "micronet_sum(x, s, 1, 36, 3456, 96)", 3456),
    Shape("mean 96", "micronet_mean(s, y, 96, 5, 99999, q)", 96),
    Shape("table 3456", "micronet_table(x, y, 1, 3456, 3456, 3456, y + 5000)", 3456),
    Shape("add 3456", ADD, 3456),
    Shape("scale 36 x 96", "micronet_scale(x, x + 4000, y, 1, 36, 96, 3456, 3456, 3, 4, 99999, q)", 3456),
    Shape("permute 36 x 96", "micronet_permute(x, y, 1, 36, 96, 3456, 3456, from_96)", 3456),
)  # fmt: skip

FRAME = """#include <stdio.h>
#include "micronet_kernels.h"

static int8_t input[700000] MICRONET_ALIGN16, output[700000] MICRONET_ALIGN16;
static int32_t sums[8000] MICRONET_ALIGN16;
static int16_t factors[4000] MICRONET_ALIGN16;
/* Weak: the compiler may not know that all weights are 0. */
extern const int32_t w[40000];
__attribute__((weak)) const int32_t w[40000] MICRONET_ALIGN16 = {0};
static const int16_t offsets[4] = {2048, 0, 0, 0};
static const micronet_output q = {0, -7, -128, 127}, wide_q = {0, 0, -32768, 32767};
static volatile uint32_t *const timer = (volatile uint32_t *)0xE000E010;
"""


CALL = "__attribute__((noinline, noclone)) static void"
ARENA = "const int8_t *x, int8_t *y, int32_t *s, int16_t *a"
"""As in a generated file, where all of them lie in one arena."""


def program(shapes: tuple[Shape, ...]) -> str:
    parts = [FRAME]
    for channels in sorted(
        {int(found) for shape in shapes for found in re.findall(r"from_(\d+)", shape.call)}
    ):
        sources = [*range(channels), *((c + channels // 4 + 1) % channels for c in range(channels))]
        places = [c % 4 * (channels // 4) + c // 4 for c in range(channels)]
        parts += [
            f"static const uint16_t {name}_{channels}[] MICRONET_ALIGN16 = {{{', '.join(map(str, values))}}};"
            for name, values in (("from", sources), ("to", places))
        ]
    for number, shape in enumerate(shapes):
        parts.append(f"{CALL} call_{number}({ARENA}) {{ (void)a, (void)s; {shape.call}; }}")
    parts.append(
        "int main(void) {\n  for (int i = 0; i < 700000; i++) input[i] = (int8_t)(i * 37 + i / 251);"
    )
    parts.append("  for (int i = 0; i < 4000; i++) factors[i] = (int16_t)(i * 37 % 4096);")
    parts.append("  timer[1] = 0xffffff;\n  timer[2] = 0;\n  timer[0] = 5;")
    for number in range(len(shapes)):
        parts.append(
            f"  {{ const uint32_t from = timer[2]; call_{number}(input, output, sums, factors); "
            f'printf("%lu\\n", (unsigned long)((from - timer[2]) & 0xffffff)); }}'
        )
    return "\n".join([*parts, "  return 0;", "}", ""])


def measured(board: Board, folder: Path) -> list[float]:
    """Instructions of every shape, to within 40."""
    source, elf = folder / "kernels.c", folder / "kernels.elf"
    source.write_text(program(SHAPES), encoding="ascii")
    build = [
        "arm-none-eabi-gcc", *board.flags, "-mthumb", "-mfloat-abi=hard", "-O3", "-std=gnu99", source,
        FIRMWARE / "start.S", FIRMWARE / "start.c", "-nostartfiles", "--specs=rdimon.specs", "-I", HEADERS,
        "-L", FIRMWARE, "-T", FIRMWARE / f"{board.machine}.ld", "-Wl,--no-warn-rwx-segments", "-o", elf,
    ]  # fmt: skip
    subprocess.run([str(part) for part in build], check=True)  # noqa: S603
    run = [
        "qemu-system-arm", "-M", board.machine, "-nographic", "-monitor", "none", "-serial", "none",
        "-semihosting-config", "enable=on,target=native", "-icount", "shift=0", "-kernel", elf,
    ]  # fmt: skip
    command = [str(part) for part in run]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout  # noqa: S603
    return [int(line) * board.tick_ns for line in printed.split()]


def code_bytes(folder: Path) -> list[int]:
    """Size of each call's code."""
    command = [which("arm-none-eabi-nm") or "arm-none-eabi-nm", "--print-size", str(folder / "kernels.elf")]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    # Address, size, kind and name.
    calls = [fields for fields in map(str.split, listed.splitlines()) if fields[-1].startswith("call_")]
    sizes = {name: int(size, 16) for _, size, _, name in calls}
    return [sizes[f"call_{number}"] for number in range(len(SHAPES))]


def main() -> None:
    console, results = open_console(), dict[str, list[dict[str, object]]]()
    for name, board in BOARDS.items():
        with tempfile.TemporaryDirectory() as folder:
            instructions = measured(board, Path(folder))
            sizes = code_bytes(Path(folder))
        console.print(f"{name}: instructions for each multiply-add or element, bytes of code")
        for shape, count, size in zip(SHAPES, instructions, sizes, strict=True):
            console.print(f"  {shape.name:62}{count / shape.work:7.2f}{size:7}")
        results[name] = [
            {"kernel": shape.name, "work": shape.work, "instructions": count, "code_bytes": size}
            for shape, count, size in zip(SHAPES, instructions, sizes, strict=True)
        ]
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(json.dumps({"note": NOTE, **results}, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
