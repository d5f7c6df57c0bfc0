"""What the constants of a program take in flash."""

import re

from micronet_edge_c.program.buffers import INT32
from micronet_edge_c.program.steps import Program

CODE_BYTES = 40_000
"""Most bytes that the code of a MicroNet takes on a Cortex-M4 or M55; 20 to 36 kB measured at -O2."""

_MACROS = re.compile(r"MICRONET_(?:W4|T2|M)\(")
_WORDS = {"MICRONET_W4(": 2, "MICRONET_T2(": 1, "MICRONET_M(": 1}
_ELEMENT_BYTES = {"int8_t": 1, "int16_t": 2, "uint16_t": 2, "float": 4}
_WORD = 4


def flash_bytes(program: Program) -> int:
    """The weights and tables of a program on a core with the DSP extension, which stores the most."""
    distinct = {(constant.ctype, constant.lines) for constant in program.constants}
    return sum(_size(ctype, lines) for ctype, lines in distinct)


def _size(ctype: str, lines: tuple[str, ...]) -> int:
    if ctype == INT32:
        return _stream(lines)
    # A macro brings the comma behind its last element.
    return _ELEMENT_BYTES[ctype] * sum(line.count(",") + line.count("(") for line in lines)


def _stream(lines: tuple[str, ...]) -> int:
    """A stream of macros: what stands in none are 4 biases of a word each."""
    words = 0
    for line in lines:
        found = _MACROS.findall(line)
        words += sum(_WORDS[each] for each in found) if found else line.count(",")
    return _WORD * words
