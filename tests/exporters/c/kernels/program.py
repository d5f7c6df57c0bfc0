"""A C program that runs many calls of kernels and prints every buffer that they wrote to."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

HEADERS = Path(__file__).parents[4] / "exporters" / "micronet_edge_c" / "kernels"
GUARD = 16
"""Bytes around what a kernel writes; it must leave them alone."""

TYPES = {"int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "uint16": "uint16_t", "int32": "int32_t"}

PROLOGUE = """#include <stdio.h>
#include "micronet_kernels.h"

/* A kernel may read 16 bytes behind a buffer, whatever they are; the plain ones need none. */
#if defined(MICRONET_USE_DSP) || defined(MICRONET_USE_MVE)
#define BEHIND , 77, 3, 127, 126, 5, 99, 71, 1, 64, 94, 13, 101, 3, 2, 33, 111
#else
#define BEHIND
#endif

static void show(int number, const void *data, size_t bytes) {
  const uint8_t *values = (const uint8_t *)data;
  printf("%d ", number);
  for (size_t i = 0; i < bytes; i++) printf("%02x", values[i]);
  printf("\\n");
}
"""


@dataclass
class Call:
    """One call of one kernel: `arguments` name the buffers and constants."""

    kernel: str
    arguments: str
    about: str
    buffers: list = field(default_factory=list)
    results: list = field(default_factory=list)

    def constant(self, name, values, text=None, kind="int32"):
        """What the kernel reads; `text` are lines of C of this kind where the values are macros."""
        self.buffers.append(_constant(name, values, text, kind))

    def local(self, line):
        self.buffers.append("  " + line)

    def result(self, name, before, after, *, shown=True):
        """What the kernel writes: its content before, and after as expected."""
        guard = np.full(GUARD // before.itemsize, 90, before.dtype)
        values = np.concatenate([guard, before, guard])
        self.buffers.append(
            f"  static {TYPES[before.dtype.name]} {name}_all[] MICRONET_ALIGN16 = {_values(values)};"
        )
        self.buffers.append(f"  {TYPES[before.dtype.name]} *{name} = {name}_all + {len(guard)};")
        if shown:
            self.results.append((f"{name}_all", np.concatenate([guard, after.astype(before.dtype), guard])))

    def as_c(self, number, name):
        shows = "\n".join(f"  show({number}, {result}, sizeof {result});" for result, _ in self.results)
        lines = [f"static __attribute__((noinline)) void call_{number}(void) {{", *self.buffers]
        return "\n".join([*lines, f"  {name}({self.arguments});", shows, "}", ""])


def _values(values):
    return "{" + ", ".join("(-2147483647 - 1)" if v == -(2**31) else str(v) for v in values.tolist()) + "}"


def _constant(name, values, text, kind):
    if text is not None:
        lines = "\n    ".join(text)
        return f"  static const {TYPES[kind]} {name}[] MICRONET_ALIGN16 = {{\n    {lines}\n  }};"
    inside = _values(values)[:-1]
    behind = " BEHIND" if values.dtype.itemsize == 1 else ""
    return f"  static const {TYPES[values.dtype.name]} {name}[] MICRONET_ALIGN16 = {inside}{behind}}};"


def written(calls, path, direct):
    """Writes the program. Calls whose number `direct` takes see constants, as in a generated file."""
    kernels = sorted({call.kernel for call in calls})
    parts = [PROLOGUE]
    parts += [_indirect(kernel) for kernel in kernels]
    for number, call in enumerate(calls):
        prefix = "micronet_" if direct(number) else "run_"
        parts.append(call.as_c(number, prefix + call.kernel))
    body = "\n".join(f"  call_{number}();" for number in range(len(calls)))
    parts.append(f"int main(void) {{\n{body}\n  return 0;\n}}\n")
    path.write_text("\n".join(parts), encoding="ascii")


def _indirect(kernel):
    """The kernel behind a pointer that no compiler sees through: no argument is a constant there."""
    parameters = _parameters(kernel)
    names = ", ".join(parameter.replace("*", " ").split()[-1] for parameter in parameters.split(","))
    return (
        f"static void plain_{kernel}({parameters}) {{ micronet_{kernel}({names}); }}\n"
        f"static void (*volatile run_{kernel})({parameters}) = plain_{kernel};\n"
    )


def _parameters(kernel):
    """The parameters of a kernel, read from its header."""
    for header in ("micronet_kernels.h", "micronet_kernels_portable.h"):
        text = (HEADERS / header).read_text(encoding="ascii")
        mark = f"MICRONET_INLINE void micronet_{kernel}("
        if mark in text:
            return " ".join(text.split(mark)[1].split(")")[0].split())
    raise LookupError(kernel)


def printed(command):
    """The buffers that a run printed, in order."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-500:]
    lines = [line.split() for line in done.stdout.splitlines()]
    return [(int(number), bytes.fromhex(data)) for number, data in lines]


def differences(calls, buffers):
    """The calls whose buffers are not as expected, with the first byte that differs."""
    wanted = [(n, values.tobytes(), name) for n, call in enumerate(calls) for name, values in call.results]
    assert len(buffers) == len(wanted)
    found = []
    for (number, data), (expected_number, expected, name) in zip(buffers, wanted, strict=True):
        assert number == expected_number
        if data != expected:
            at = next(i for i in range(len(expected)) if data[i] != expected[i])
            count = sum(a != b for a, b in zip(data, expected, strict=True))
            found.append(
                f"{calls[number].kernel} {number} {name}[{at}]: {data[at]}, expected {expected[at]};"
                f" {count} of {len(data)} bytes differ: {calls[number].about}"
            )
    return found
