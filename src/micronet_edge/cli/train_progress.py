"""What `train` prints on stderr while it runs: the plan, a line per epoch, and a bar on a terminal."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from micronet_edge.util.terminal import open_console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from micronet_edge.training.events import Epoch, Plan, Step

_STEADY_SECONDS = 120.0
"""Time over which the speed is averaged for the time left: a validation in between counts as well."""


class TrainProgress:
    """An observer that shows a run; in all processes but the first it shows nothing.

    Attributes:
        leads: whether this is the first process.
        began: whether the run has begun, so that there may be something to resume.
    """

    def __init__(self, console: "Console", bar: "Progress", *, leads: bool) -> None:
        self.leads, self.began = leads, False
        self._console, self._bar = console, bar
        self._task: TaskID | None = None
        self._epochs = self._steps = 0

    def planned(self, plan: "Plan") -> None:
        """Prints the plan and what to know about the images; the bar begins."""
        self.began = True
        if not self.leads:
            return
        for line in plan.lines:
            self._say(line)
        console = self._console
        for warning in plan.dataset.warnings:
            console.print(f"note: {warning}", style="yellow", soft_wrap=True)
        self._epochs, self._steps = plan.recipe.schedule.epochs, plan.steps_per_epoch
        self._task = self._bar.add_task(
            "train",
            total=self._epochs * self._steps,
            epoch=f"0/{self._epochs}",
            step=f"0/{self._steps}",
            loss="-",
            top1="-",
            speed="-",
        )

    def stepped(self, step: "Step") -> None:
        """Moves the bar."""
        if self._task is not None:
            self._bar.update(
                self._task,
                completed=(step.epoch - 1) * self._steps + step.step,
                epoch=f"{step.epoch}/{self._epochs}",
                step=f"{step.step}/{self._steps}",
                loss=f"{step.loss:.3f}",
                speed=f"{step.images_per_second:,.0f}",
            )

    def validated(self, epoch: "Epoch") -> None:
        """Prints a line for the epoch."""
        if self._task is None:
            return
        self._bar.update(self._task, completed=epoch.epoch * self._steps, top1=f"{epoch.top1:.1%}")
        self._say(_line(epoch, self._epochs))

    def note(self, text: str) -> None:
        """Prints a line."""
        if self.leads:
            self._say(text)

    def _say(self, line: str) -> None:
        from rich.text import Text

        console = self._console
        console.print(Text.assemble(("·", "dim"), " ", line), soft_wrap=True)


def _line(epoch: "Epoch", epochs: int) -> str:
    number = f"{epoch.epoch:{len(str(epochs))}d}"
    raw = "" if epoch.raw_top1 == epoch.top1 else f" (raw {epoch.raw_top1:.2%})"
    best = ", best" if epoch.best else ""
    return (
        f"epoch {number} of {epochs}: loss {epoch.loss:.4f}, top-1 {epoch.top1:.2%}{raw}, "
        f"{epoch.images_per_second:,.0f} images/s{best}"
    )


@contextmanager
def watching() -> Iterator[TrainProgress]:
    """Yields an observer that shows a run on stderr.

    Raises KeyboardInterrupt, which says that the run can go on, on Ctrl-C after the run has begun.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    leads = os.environ.get("RANK", "0") == "0"
    console = open_console(err=True)
    columns = (
        TextColumn("epoch {task.fields[epoch]}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("step {task.fields[step]}", markup=False),
        TextColumn("loss {task.fields[loss]}", markup=False),
        TextColumn("top-1 {task.fields[top1]}", markup=False),
        TextColumn("{task.fields[speed]}/s", markup=False),
        TimeRemainingColumn(compact=True),
    )
    with Progress(
        *columns,
        console=console,
        transient=True,
        expand=True,
        speed_estimate_period=_STEADY_SECONDS,
        disable=not (leads and console.is_terminal),
    ) as bar:
        progress = TrainProgress(console, bar, leads=leads)
        try:
            yield progress
        except KeyboardInterrupt as error:
            if str(error) or not progress.began:
                raise
            raise KeyboardInterrupt(
                "interrupted; what was trained is saved: give the same command with --resume to go on"
            ) from error
