"""Numbers as C text: compiled, they are what they were to the last bit."""

import subprocess

import numpy as np
import pytest
from exporters.c.c_networks import compiled

from micronet_edge_c.writer.numbers import float_lines, integer_lines

EXTREMES = np.array(
    [0.0, -0.0, 1.0, 1e-45, -1e-45, 1.1754944e-38, 3.4028235e38, -3.4028235e38, 1 / 3, 16777216.0, 0.1, 1e10],
    np.float32,
)


def printed(ctype, lines, folder):
    """The bytes of an array of C."""
    source = folder / "numbers.c"
    source.write_text(
        f"#include <stdint.h>\n#include <stdio.h>\nstatic const {ctype} values[] = {{\n"
        + "\n".join(lines)
        + "\n};\nint main(void) { return fwrite(values, sizeof values, 1, stdout) != 1; }\n"
    )
    program = compiled([source], folder / "numbers", "-std=c99")
    return subprocess.run([program], capture_output=True, check=True).stdout


def test_floats_to_the_last_bit(tmp_path):
    bits = np.random.default_rng(0).integers(0, 2**32, 3000, np.uint32).view(np.float32)
    values = np.concatenate([EXTREMES, bits[np.isfinite(bits)]])
    assert printed("float", float_lines(values), tmp_path) == values.tobytes()


@pytest.mark.parametrize(
    ("ctype", "dtype"),
    [("int8_t", np.int8), ("uint8_t", np.uint8), ("int16_t", np.int16), ("uint16_t", np.uint16)],
)
def test_integers(ctype, dtype, tmp_path):
    ends = np.iinfo(dtype)
    values = np.linspace(ends.min, ends.max, 500).astype(dtype)
    assert printed(ctype, integer_lines(values), tmp_path) == values.tobytes()


def test_lines_are_short():
    values = np.arange(-2000, 2000, dtype=np.int32)
    lines = integer_lines(values)
    assert max(map(len, lines)) <= 102
    assert "".join(lines).count(",") == len(values)
