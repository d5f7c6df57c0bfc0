"""Weights in the order in which the kernels read them, as text of C initializers.

A stream serves every instruction set: its macros (see micronet_kernels.h) expand to what each one loads.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

Int8 = np.ndarray[tuple[int, ...], np.dtype[np.int8]]
Integers = Sequence[int] | np.ndarray[tuple[int, ...], np.dtype[np.integer]]

BLOCK = 4
"""Outputs that a kernel computes at once."""

VECTOR = 16
"""Weights in a vector of int8."""


def pointwise_stream(weight: Int8, bias: Integers, multipliers: Integers, groups: int) -> list[str]:
    """The stream of micronet_pointwise.

    Args:
        weight: [outputs, inputs of a group].
        bias: one per output; contains what the input's zero point adds.
        multipliers: one per output, in [0, 2^30).
        groups: how many groups the outputs are divided into.

    Returns:
        Lines of C.
    """
    return _blocks(weight, bias, multipliers, groups, _pointwise_rows)


def lines_stream(weight: Int8, bias: Integers, multipliers: Integers) -> list[str]:
    """The stream of micronet_depthwise_lines.

    Args:
        weight: [outputs, taps].
        bias: as for pointwise_stream.
        multipliers: as for pointwise_stream.

    Returns:
        Lines of C.
    """
    return _blocks(weight, bias, multipliers, 1, _rows_of_taps)


def square_stream(weight: Int8, bias: Integers, multipliers: Integers) -> list[str]:
    """The stream of micronet_depthwise_square.

    Args:
        weight: [channels, size, size].
        bias: as for pointwise_stream.
        multipliers: as for pointwise_stream.

    Returns:
        Lines of C.
    """
    return _blocks(weight, bias, multipliers, 1, _square_rows)


def convolution_stream(weight: Int8, bias: Integers, multipliers: Integers, groups: int) -> list[str]:
    """The stream of micronet_convolution.

    Args:
        weight: [outputs, inputs of a group, kernel height, kernel width], as PyTorch has it.
        bias: as for pointwise_stream.
        multipliers: as for pointwise_stream.
        groups: how many groups the outputs are divided into.

    Returns:
        Lines of C.
    """
    flat = weight.transpose(0, 2, 3, 1).reshape(len(weight), -1)
    # Vectors of 8 taps may load three words behind the last row.
    return [*_blocks(flat, bias, multipliers, groups, _rows_of_taps), "0, 0, 0,"]


def linear_weights(weight: Int8) -> list[str]:
    """The weights of micronet_linear and micronet_coefficients.

    Args:
        weight: [outputs, inputs].

    Returns:
        Lines of C: 16 inputs of two outputs each, in the order of blocks of 4 outputs, chunks of 16 inputs
        and outputs; filled up with zeros.
    """
    outputs, inputs = weight.shape
    blocks, chunks = -(-outputs // BLOCK), -(-inputs // VECTOR)
    padded = np.zeros((blocks * BLOCK, chunks * VECTOR), np.int8)
    padded[:outputs, :inputs] = weight
    ordered = padded.reshape(blocks, BLOCK, chunks, VECTOR).transpose(0, 2, 1, 3).reshape(-1, 2 * VECTOR)
    return [f"MICRONET_L16({', '.join(map(str, rows))})" for rows in ordered.tolist()]


def bias_stream(bias: Integers, multipliers: Integers) -> list[str]:
    """The biases and multipliers of micronet_linear and micronet_coefficients.

    Args:
        bias: as for pointwise_stream.
        multipliers: as for pointwise_stream.

    Returns:
        Lines of C: two for each block of 4 outputs.
    """
    lines: list[str] = []
    for start in range(0, len(bias), BLOCK):
        lines += _heads(bias[start : start + BLOCK], multipliers[start : start + BLOCK])
    return lines


def _blocks(
    weight: Int8, bias: Integers, multipliers: Integers, groups: int, rows: Callable[[Int8], list[str]]
) -> list[str]:
    """Blocks of 4 outputs; the last one of a group is filled up with outputs of zero."""
    lines: list[str] = []
    width = len(weight) // groups
    zeros = np.zeros_like(weight[0])
    for first in range(0, len(weight), width):
        for start in range(first, first + width, BLOCK):
            end = min(start + BLOCK, first + width)
            lines += _heads(bias[start:end], multipliers[start:end])
            lines += rows(np.stack([*weight[start:end], *[zeros] * (start + BLOCK - end)]))
    return lines


def _heads(bias: Integers, multipliers: Integers) -> list[str]:
    """Biases and multipliers of up to 4 outputs, filled up with zeros."""
    missing = [0] * (BLOCK - len(bias))
    biases = ", ".join(_int32(int(value)) for value in [*bias, *missing])
    return [biases + ",", " ".join(f"MICRONET_M({int(value)})" for value in [*multipliers, *missing])]


def _int32(value: int) -> str:
    """C has no negative literals: -2147483648 would be an operation on a wider type."""
    return "(-2147483647 - 1)" if value == -(2**31) else str(value)


def _pointwise_rows(rows: Int8) -> list[str]:
    """Chunk after chunk of 16 inputs; in each one a line per output."""
    starts = range(0, rows.shape[1], VECTOR)
    return [_pointwise_row(row[start : start + VECTOR]) for start in starts for row in rows]


def _pointwise_row(row: Int8) -> str:
    words = [f"MICRONET_W4({four})" for four in _chunks(row, 4)]
    filled = VECTOR - 4 * len(words)
    return " ".join([*words, f"MICRONET_P{filled}"] if filled else words)


def _rows_of_taps(rows: Int8) -> list[str]:
    return [_taps(row) for row in rows]


def _square_rows(rows: Int8) -> list[str]:
    return [" ".join(_taps(line) for line in row) for row in rows]


def _taps(row: Int8) -> str:
    return " ".join(f"MICRONET_T2({pair})" for pair in _chunks(row, 2))


def _chunks(values: Iterable[np.int8], size: int) -> list[str]:
    """The values in chunks of `size`, the last one filled up with zeros."""
    numbers = [int(value) for value in values]
    numbers += [0] * (-len(numbers) % size)
    return [", ".join(map(str, numbers[at : at + size])) for at in range(0, len(numbers), size)]
