"""Measures files against each other: fresh processes, one per file, that take turns.

Every repetition starts new processes, because a process's memory layout changes the time of small networks
by up to 10 %. In a round each file has one turn. A disturbance longer than a round affects all files, so
their ratio stays the same.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from micronet_edge_bench.runner.facts import environment, passing_facts
from micronet_edge_bench.runner.plan import VERSION, Plan, PlannedFile, Settings, WorkerError
from micronet_edge_bench.runner.processes import Parent, Worker
from micronet_edge_bench.runner.steadiness import SMALLEST_WINDOW, is_steady

Report = Callable[[str, float, float], None]
"""Called with the stage, the finished and the total amount, in rounds, seconds or files."""

_CHUNK_BYTES = 1 << 20


def measure(plan: Plan, parent: Parent, report: Report) -> dict[str, object]:
    """Measures a plan; returns the content of the result's JSON file.

    Raises RunnerError if a file cannot be measured, its process dies or the parent ends; then every process
    has ended.
    """
    # Reading the files fills the page cache, so that load times do not include the disk.
    hashes = [_sha256(file.path) for file in plan.files]
    around, before = environment(), passing_facts()
    repetitions = [_Repetition(plan, number, parent, report) for number in range(plan.settings.processes)]
    taken = [repetition.run() for repetition in repetitions]
    after = passing_facts()
    around.update({name: {"before": value, "after": after[name]} for name, value in before.items()})
    files: dict[str, dict[str, object]] = {
        file.name: _content_of(file, hashes[number], [each[number] for each in taken], plan.settings.threads)
        for number, file in enumerate(plan.files)
    }
    for number, file in enumerate(plan.files):
        files[file.name].update(_profile(plan, number, parent, report))
    return {"version": VERSION, "environment": around, "files": files}


def orders(count: int) -> list[tuple[int, ...]]:
    """The orders in which files take turns, one per round, repeated.

    Given    the number of files
    Result   a balanced design: every file is at every position equally often, and follows every other file
             equally often, so that cache contents average out. A plain rotation would keep each behind the
             same one.
    Source   E. J. Williams, 1949: 0, 1, n - 1, 2, n - 2, ... and its shifts; for odd n also reversed.
    """
    first = [(place + 1) // 2 if place % 2 else (count - place // 2) % count for place in range(count)]
    shifted = [tuple((file + shift) % count for file in first) for shift in range(count)]
    if count % 2 == 0 or count == 1:
        return shifted
    return shifted + [order[::-1] for order in shifted]


@dataclass
class _Taken:
    """The times and facts from one process of a file."""

    loaded: dict[str, object]
    warmup_ns: list[int] = field(default_factory=list)
    steady: bool = False
    samples_ns: list[int] = field(default_factory=list)
    finished: dict[str, object] = field(default_factory=dict)

    def content(self) -> dict[str, object]:
        return {
            "load_ns": self.loaded["load_ns"],
            "first_run_ns": self.loaded["first_run_ns"],
            "warmup_ns": self.warmup_ns,
            "steady": self.steady,
            "samples_ns": self.samples_ns,
            "peak_memory_bytes": self.finished["peak_memory_bytes"],
        }


class _Repetition:
    """One repetition: one fresh process per file, from start to end."""

    def __init__(self, plan: Plan, number: int, parent: Parent, report: Report) -> None:
        self._plan, self._number, self._parent, self._report = plan, number, parent, report
        self._orders, self._rounds = orders(len(plan.files)), number
        self._workers: dict[int, Worker] = {}
        self._taken: dict[int, _Taken] = {}

    def run(self) -> list[_Taken]:
        """The result of each file's process, in the order of the plan."""
        with ExitStack() as alive:
            self._load(alive)
            self._warm_up(self._plan.settings)
            self._sample(self._plan.settings)
            for number, taken in self._taken.items():
                taken.finished = self._workers[number].finish()
        return [self._taken[number] for number in range(len(self._plan.files))]

    def _load(self, alive: ExitStack) -> None:
        """Loads one file after the other, so that load times do not overlap."""
        files, settings = self._plan.files, self._plan.settings
        for number in self._orders[self._rounds % len(self._orders)]:
            worker = alive.enter_context(Worker(files[number], self._parent, settings.threads))
            self._workers[number] = worker
            self._taken[number] = _Taken(worker.report())
            done = self._number * len(files) + len(self._taken)
            self._report("load", done, settings.processes * len(files))

    def _warm_up(self, settings: Settings) -> None:
        """Warms up until every file was steady once; later disturbances appear in the samples."""
        done, most = 0, settings.most_warmup
        while done < most and (done < settings.least_warmup or not self._all_steady()):
            for number, elapsed_ns in self._round():
                self._taken[number].warmup_ns.append(elapsed_ns)
            done += 1
            if done % SMALLEST_WINDOW == 0 or done >= most:
                for taken in self._taken.values():
                    taken.steady = taken.steady or is_steady(taken.warmup_ns)
            self._report("warmup", self._number * most + done, settings.processes * most)

    def _all_steady(self) -> bool:
        return all(taken.steady for taken in self._taken.values())

    def _sample(self, settings: Settings) -> None:
        start, enough = time.monotonic(), settings.rounds or settings.seconds or 0
        done: float = 0
        while done < enough:
            for number, elapsed_ns in self._round():
                self._taken[number].samples_ns.append(elapsed_ns)
            done = done + 1 if settings.rounds else time.monotonic() - start
            before = self._number * enough
            self._report("measure", before + min(done, enough), settings.processes * enough)

    def _round(self) -> list[tuple[int, int]]:
        """One turn of every file: its index and its nanoseconds."""
        order = self._orders[self._rounds % len(self._orders)]
        self._rounds += 1
        return [(number, self._workers[number].turn()) for number in order]


def _content_of(file: PlannedFile, sha256: str, taken: Sequence[_Taken], threads: int) -> dict[str, object]:
    loaded, finished = taken[0].loaded, taken[0].finished
    outputs = {each.finished["output_sha256"] for each in taken}
    return {
        "sha256": sha256,
        "size_bytes": file.path.stat().st_size,
        "runtime": loaded["runtime"],
        "runtime_version": loaded["runtime_version"],
        **{name: finished[name] for name in ("delegate", "nodes", "delegated_nodes", "partitions", "fused")},
        "threads": threads,
        # If its processes disagree, the file has no output to compare.
        "output_sha256": outputs.pop() if len(outputs) == 1 else None,
        "processes": [each.content() for each in taken],
    }


def _profile(plan: Plan, number: int, parent: Parent, report: Report) -> dict[str, object]:
    """Profiles one file in a separate process.

    If the profiler fails, the measurement stays valid, and `profile_error` says why.
    """
    settings, file = plan.settings, plan.files[number]
    found: dict[str, object] = {"profile": None, "profile_error": None}
    if settings.profile:
        with Worker(file, parent, settings.threads, settings.profile_rounds) as worker:
            try:
                found["profile"] = worker.report()
            except WorkerError as error:
                found["profile_error"] = str(error)
        report("profile", number + 1, len(plan.files))
    return found


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
            digest.update(chunk)
    return digest.hexdigest()
