"""A test of the C file for the user's own board: one image and the scores that it must give."""

import numpy as np
from numpy.typing import NDArray

from micronet_edge_c.program.buffers import FLOAT
from micronet_edge_c.writer.c_file import Named
from micronet_edge_c.writer.numbers import float_lines, integer_lines

FLOAT_TOLERANCE = 1e-4
"""Largest difference of a float32 score, relative to the largest one; compilers may fuse and reorder sums."""


def _lines(values: NDArray[np.generic]) -> list[str]:
    if np.issubdtype(values.dtype, np.floating):
        return float_lines(values.astype(np.float32))
    return integer_lines(values.astype(np.int32))


def example_arrays(named: Named, image: NDArray[np.generic], scores: NDArray[np.generic]) -> str:
    """Two arrays in C: `image`, and the scores that it must give, `expected`."""
    return "\n\n".join(
        f"static const {buffer.ctype} {role}[] = {{\n" + "\n".join(_lines(values)) + "\n};"
        for role, buffer, values in (
            ("image", named.program.image, image),
            ("expected", named.program.scores, scores),
        )
    )


def difference(named: Named, scores: NDArray[np.generic]) -> str:
    """The condition in C by which `scores[i]` differs from `expected[i]`."""
    if named.program.scores.ctype != FLOAT:
        return "scores[i] != expected[i]"
    tolerance = f"{FLOAT_TOLERANCE * max(float(np.abs(scores).max()), 1e-6):.9e}f"
    return f"!(scores[i] - expected[i] <= {tolerance} && expected[i] - scores[i] <= {tolerance})"


def self_test_text(named: Named, image: NDArray[np.generic], scores: NDArray[np.generic]) -> str:
    """The text of the test.

    Args:
        named: the program.
        image: the image as the file takes it, [height, width, channels].
        scores: those that it must give, [classes].
    """
    is_float = named.program.scores.ctype == FLOAT
    name, prefix = named.name, named.prefix
    shown, cast = ("%g", "(double)") if is_float else ("%d", "(int)")
    return f"""/* Runs {named.stem}.c on one image: prints PASS, or the first score that differs. */
#include "{named.stem}.h"
#include <stdio.h>

{example_arrays(named, image, scores)}

static {named.program.scores.ctype} scores[{prefix}_OUTPUTS];
static union {{
    double aligned[2];
    uint8_t bytes[{prefix}_ARENA_BYTES + 16];
}} memory;

int main(void)
{{
    uint8_t *arena = memory.bytes + (16 - ((uintptr_t)memory.bytes & 15)) % 16;
    int i;
    {name}_run(image, scores, arena);
    for (i = 0; i < {prefix}_OUTPUTS; i++) {{
        if ({difference(named, scores)}) {{
            printf("FAIL score %d: {shown}, expected {shown}\\n", i, {cast}scores[i], {cast}expected[i]);
            return 1;
        }}
    }}
    printf("PASS\\n");
    return 0;
}}
"""
