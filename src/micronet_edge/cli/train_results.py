"""What `train` prints at its end: how good the network is, its files, and the next command."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from micronet_edge.util.terminal import open_console

if TYPE_CHECKING:
    from rich.table import Table

    from micronet_edge.training.events import Trained, TrainedFile


def print_results(trained: "Trained", data: str) -> None:
    """Prints the accuracy, the exported files and the next command."""
    console = open_console()
    if trained.exported:
        console.print(_table(trained))
    for line in _lines(trained):
        console.print(line, soft_wrap=True)
    console.print(f"next: {_next_command(trained, data)}", soft_wrap=True)


def _table(trained: "Trained") -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=f"in {trained.folder}", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("network", overflow="fold")
    for heading in ("format", "precision"):
        table.add_column(heading, no_wrap=True)
    for heading in ("MB", "top-1", "95 % interval", "ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for file in trained.exported:
        table.add_row(*_row(trained.fitted.plan.variant, file))
    return table


def _row(variant: str, file: "TrainedFile") -> tuple[str, ...]:
    return (
        variant,
        file.format,
        file.precision,
        f"{file.size_bytes / 1e6:.2f}",
        f"{file.top1:.2%}",
        f"{file.low:.2%} to {file.high:.2%}",
        "-" if file.latency_ms is None else f"{file.latency_ms:.2f}",
    )


def _lines(trained: "Trained") -> list[str]:
    from micronet_edge.training.outcomes import accuracy

    fitted = trained.fitted
    found = accuracy(fitted)
    seconds = sum(each.train_seconds for each in fitted.history)
    best = f"epoch {fitted.best.epoch} is the best of {len(fitted.history)}"
    right = f"{found.right} of {found.images} validation images right"
    return [
        f"{fitted.plan.name}: {best}; {seconds / 60:.1f} minutes of training",
        f"top-1  {found.share:.2%} ({right}), 95 % interval {found.low:.2%} to {found.high:.2%}",
        f"checkpoint: {fitted.checkpoint}",
        f"report: {trained.report}",
    ]


def _next_command(trained: "Trained", data: str) -> str:
    if files := [str(file.path) for file in trained.exported if file.precision == "int8"]:
        return shlex.join(["micronet-edge", "bench", *files])
    checkpoint, folder = str(trained.fitted.checkpoint), str(trained.folder)
    inner = Path(data, "train")
    if inner.is_dir() or Path(data).is_dir():
        calibration = str(inner if inner.is_dir() else data)
        command = ["micronet-edge", "quantize", checkpoint, "--calibration", calibration, "--output", folder]
        return shlex.join(command)
    return shlex.join(["micronet-edge", "export", checkpoint, "--output", folder])
