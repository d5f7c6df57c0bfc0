"""What `micronet-edge demo` prints: a table with a row for each runtime, and some of the digits."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from rich.table import Table

    from micronet_edge.demo.run import Result

_SHOWN = 7
"""Digits beside each other: as many as fit into 80 columns."""


def results(result: "Result") -> "Table":
    """One row for each runtime."""
    import numpy as np
    from rich.table import Table

    table = Table("runtime", title=f"{len(result.digits)} test images, not used in training")
    for heading in ("file\nMB", "\nright", "same as\nPyTorch", "ms per image\nmedian (quartiles)"):
        table.add_column(heading, justify="right")
    first = result.contenders[0].answers
    for contender, taken in zip(result.contenders, result.latencies_ms.T, strict=True):
        right, same = contender.answers == result.truth, contender.answers == first
        counts = [f"{which.sum()} ({which.mean():.1%})" for which in (right, same)]
        low, median, high = np.percentile(taken, [25, 50, 75])
        size, speed = contender.file.stat().st_size / 1e6, f"{median:.2f} ({low:.2f} to {high:.2f})"
        table.add_row(contender.name, f"{size:.2f}", *counts, speed)
    return table


def pictures(result: "Result") -> "Table":
    """Some digits with their answers; the first is an error of PyTorch, if there is any."""
    import numpy as np
    from rich.table import Table

    from micronet_edge.demo.digits import pixels

    wrong = np.flatnonzero(result.contenders[0].answers != result.truth)[:1]
    chosen = [*wrong, *np.linspace(0, len(result.digits) - 1, _SHOWN - len(wrong)).astype(int)]
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_row("", *(half_blocks(pixels(result.digits[place])) for place in chosen))
    rows = [("label", result.truth), *((each.name, each.answers) for each in result.contenders)]
    for name, labels in rows:
        table.add_row(name, *(labels[place].center(8) for place in chosen))
    return table


def half_blocks(grey: "np.ndarray") -> str:
    """8 x 8 pixels as four lines of half blocks."""
    bright = grey // 128
    return "\n".join("".join(" ▄▀█"[code] for code in line) for line in 2 * bright[::2] + bright[1::2])
