"""Ctrl-C and SIGTERM during training: the step ends, the state is saved, then the run stops."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TrainingInterruptedError(KeyboardInterrupt):
    """A run that was stopped and saved; its text says how to go on."""


class Stop:
    """Whether somebody wants the run to stop."""

    def __init__(self) -> None:
        self.wanted = False

    def want(self, _signal: int, _frame: FrameType | None) -> None:
        """Asks for a stop; a second time stops at once."""
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Turns Ctrl-C and SIGTERM into a wish within the block, which the training loop reads between steps.

    Only Python's main thread receives signals; elsewhere nothing changes. An ignored Ctrl-C, as in a shell's
    background job, stays ignored.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    taken = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    for number in taken:
        signal.signal(number, stop.want)
    try:
        yield stop
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)
