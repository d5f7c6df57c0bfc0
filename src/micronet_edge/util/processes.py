"""Distributes work to processes that end at once when their parent is interrupted or killed.

Imports nothing heavy, so that the processes watch their parent before they import what the work needs.
"""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import TypeVar

from micronet_edge.errors import MicronetEdgeError

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_processes(
    work: Callable[[Item], Result], items: Sequence[Item], count: int, report: Callable[[Item], None]
) -> list[Result]:
    """The results of `work` for each item, in order.

    Given    a function of a module, or a partial of one; `count` processes; `report` is called with each
             finished item
    Raises   what `work` raises, and MicronetEdgeError if a process ends early.
    """
    # Spawned, not forked: a fork of a process with threads, which PyTorch starts, may hang.
    context = get_context("spawn")
    lifeline, held_here = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(count, context, end_with, (lifeline,))
    results = []
    try:
        with interrupts_held_back():
            futures = [pool.submit(work, item) for item in items]
        for item, future in zip(items, futures, strict=True):
            results.append(future.result())
            report(item)
        pool.shutdown()
    except BrokenProcessPool as error:
        raise MicronetEdgeError(
            "a process ended early: there may be too little memory, or a script calls this outside of "
            "`if __name__ == '__main__':`; processes=1 avoids both"
        ) from error
    finally:
        held_here.close()
        pool.shutdown(cancel_futures=True)
        lifeline.close()
    return results


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Defers Ctrl-C and `kill` while processes start; `end_with` lets them be killed again.

    Processes started inside ignore Ctrl-C, which a terminal sends to all; the parent ends them.

    The parent defers Ctrl-C and `kill` until each process has its work: a process still waiting for it when
    the parent ends would print a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # it lifts the block when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with(lifeline: Connection, code: int = 1) -> None:
    """Ends this process when the other end of the lifeline closes, or at once on `kill`."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})

    def watch() -> None:
        wait([lifeline])
        os._exit(code)

    Thread(target=watch, daemon=True).start()
