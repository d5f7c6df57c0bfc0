"""Large numbers in three significant digits."""

from math import floor, log10

_UNITS = ((1e12, 1e12, "T"), (1e9, 1e9, "G"), (1e5, 1e6, "M"), (1e3, 1e3, "k"))
"""Smallest number for a unit, its size, its letter. Numbers from 100,000 on are in millions, so that the
networks of a family and their large layers share one unit."""


def three_digits(number: int) -> str:
    """The number in three significant digits: 4.05 M, 0.813 M, 54.5 k, 812."""
    rounded = float(f"{number:.3g}")
    for least, size, unit in _UNITS:
        if rounded >= least:
            value = rounded / size
            return f"{value:.{max(0, 2 - floor(log10(value)))}f} {unit}"
    return str(number)


def in_bytes(number: int) -> str:
    """The number of bytes in three significant digits: 4.05 MB, 0.813 MB, 54.5 kB, 812 B."""
    shown = three_digits(number)
    return f"{shown}B" if shown[-1].isalpha() else f"{shown} B"
