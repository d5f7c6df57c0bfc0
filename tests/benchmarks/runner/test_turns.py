"""Files take turns in fresh processes, and everything measured is kept."""

import hashlib
import os
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from benchmarks.runner.plans import array_for, packed

from micronet_edge_bench.runner.coordinate import measure, orders
from micronet_edge_bench.runner.plan import PlannedFile, RunnerError, read_plan
from micronet_edge_bench.runner.processes import Parent, Worker
from micronet_edge_bench.runner.runtimes import runtime_for

KEYS = {
    *("sha256", "size_bytes", "runtime", "runtime_version", "delegate", "nodes", "delegated_nodes"),
    *("partitions", "fused", "threads", "output_sha256", "processes", "profile", "profile_error"),
}


@pytest.fixture
def parent():
    """A parent that stays."""
    ours, theirs = os.pipe()
    yield Parent(ours)
    os.close(ours)
    os.close(theirs)


@pytest.fixture
def measured(tmp_path, digit_files, parent):
    """Measures the files in this process, which coordinates then."""

    def call(paths=digit_files, **settings):
        folder = packed(tmp_path, paths, **settings).folder
        return measure(read_plan(folder / "plan.json"), parent, lambda *_progress: None)

    return call


@pytest.mark.parametrize("count", range(1, 10))
def test_every_file_follows_every_other_equally_often(count):
    found = orders(count)
    assert all(sorted(order) == list(range(count)) for order in found)
    places = Counter(pair for order in found for pair in enumerate(order))
    assert set(places.values()) == {len(found) // count}
    assert len(places) == count**2
    neighbours = Counter(pair for order in found for pair in pairwise(order))
    assert len(neighbours) == count * (count - 1)
    assert len(set(neighbours.values())) <= 1


def test_rounds_alternate_between_processes_that_live_at_once(measured, monkeypatch):
    turns, turn = [], Worker.turn

    def noted(worker):
        turns.append((worker._process.pid, worker._name))
        return turn(worker)

    monkeypatch.setattr(Worker, "turn", noted)
    found = measured(rounds=4, processes=2, least_warmup=3, most_warmup=3)
    names = list(found["files"])
    rounds = [turns[start : start + 2] for start in range(0, len(turns), 2)]
    assert len(rounds) == 2 * (3 + 4)
    assert all({name for _, name in each} == set(names) for each in rounds)
    first = [each[0][1] for each in rounds]
    # Whoever was first is last next; the second repetition begins with the other one.
    assert first == [*names, *names, *names, names[0], *names[::-1], *names[::-1], *names[::-1], names[1]]
    processes = [{pid for pid, _ in turns[:14]}, {pid for pid, _ in turns[14:]}]
    assert [len(pids) for pids in processes] == [2, 2]
    assert not processes[0] & processes[1]


def test_everything_measured_is_kept(measured, digit_files):
    found = measured(rounds=5, processes=3, least_warmup=2, most_warmup=4)
    assert list(found["files"]) == [path.name for path in digit_files]
    for path, file in zip(digit_files, found["files"].values(), strict=True):
        assert set(file) == KEYS
        assert file["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert file["size_bytes"] == path.stat().st_size
        assert (file["runtime"], file["runtime_version"]) == (
            runtime_for(path).NAME,
            runtime_for(path).version(),
        )
        assert file["nodes"] > 50
        assert (file["threads"], len(file["processes"])) == (1, 3)
        assert file["profile"] is None is file["profile_error"]
        for process in file["processes"]:
            assert (len(process["warmup_ns"]), len(process["samples_ns"])) == (4, 5)
            assert not process["steady"]
            assert all(type(sample) is int and sample > 0 for sample in process["samples_ns"])
            assert process["load_ns"] > 100_000
            assert process["first_run_ns"] > 0
            assert 10 << 20 < process["peak_memory_bytes"] < 1 << 30
    environment = found["environment"]
    assert environment["affinity"] == sorted(os.sched_getaffinity(0))
    assert len(environment["load_average"]["before"]) == len(environment["load_average"]["after"]) == 3


def test_the_output_is_that_of_the_given_input(measured, digit_files):
    found = measured(rounds=1, processes=2)
    for path in digit_files:
        session = runtime_for(path).open(path, 1)
        session.set_input(array_for(path))
        session.infer()
        expected = hashlib.sha256(session.outputs()[0].tobytes()).hexdigest()
        assert found["files"][path.name]["output_sha256"] == expected


def test_warm_up_ends_when_all_were_steady_or_at_the_most(measured):
    found = measured(rounds=1, processes=1, least_warmup=10, most_warmup=400)
    (first, second) = (file["processes"][0] for file in found["files"].values())
    assert len(first["warmup_ns"]) == len(second["warmup_ns"]) >= 10
    assert (first["steady"] and second["steady"]) or len(first["warmup_ns"]) == 400


def test_seconds_bound_the_time_of_a_repetition(measured):
    start = time.monotonic()
    found = measured(rounds=None, seconds=0.5, processes=1)
    assert time.monotonic() - start >= 0.5
    counts = {len(file["processes"][0]["samples_ns"]) for file in found["files"].values()}
    assert len(counts) == 1
    assert counts.pop() >= 1


def test_a_single_file_needs_no_other(measured, digit_files):
    found = measured(digit_files[:1], rounds=3, processes=1)
    assert len(found["files"][digit_files[0].name]["processes"][0]["samples_ns"]) == 3


def test_a_waiting_worker_burns_nothing(tmp_path, digit_files, parent):
    folder = packed(tmp_path, digit_files).folder
    file = read_plan(folder / "plan.json").files[1]
    with Worker(file, parent, 1) as worker:
        worker.report()
        worker.turn()
        before = ticks(worker._process.pid)
        time.sleep(1)
        assert ticks(worker._process.pid) - before <= 1
        assert worker.turn() > 0
    assert not Path(f"/proc/{worker._process.pid}").exists()


def ticks(number):
    """How long the process has computed, in hundredths of a second."""
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_workers_keep_other_libraries_to_one_thread(tmp_path, digit_files, parent):
    file = read_plan(packed(tmp_path, digit_files).folder / "plan.json").files[1]
    with Worker(file, parent, 2) as worker:
        worker.report()
        entries = Path(f"/proc/{worker._process.pid}/environ").read_bytes().split(b"\0")
    assert b"OPENBLAS_NUM_THREADS=1" in entries
    assert b"OMP_NUM_THREADS=2" in entries


def test_a_file_that_is_no_network(tmp_path, digit_files, parent, refusal):
    folder = packed(tmp_path, digit_files).folder
    plan = read_plan(folder / "plan.json")
    plan.files[1].path.write_bytes(b"no network")
    error_line = refusal(RunnerError, measure, plan, parent, lambda *_progress: None)
    assert error_line.startswith(f"{digit_files[1].name}: ")
    assert "cannot be opened by LiteRT" in error_line


def test_a_profiler_that_dies_takes_no_sample_with_it(measured, digit_files, monkeypatch):
    original = Worker.report

    def killed(worker):
        # The process that profiles is the one that is asked for nothing else.
        if worker._process.pid in profiling:
            worker._process.kill()
        return original(worker)

    profiling, start = [], Worker.__init__

    def started(worker, file, parent, threads, profile_rounds=None):
        start(worker, file, parent, threads, profile_rounds)
        if profile_rounds is not None and file.name == digit_files[0].name:
            profiling.append(worker._process.pid)

    monkeypatch.setattr(Worker, "__init__", started)
    monkeypatch.setattr(Worker, "report", killed)
    first, second = measured(rounds=2, processes=1, profile=True, profile_rounds=2)["files"].values()
    assert first["profile"] is None
    assert first["profile_error"].startswith(f"{digit_files[0].name}: its process was ended by SIGKILL")
    assert len(first["processes"][0]["samples_ns"]) == 2
    assert second["profile"]["operators"]
    assert second["profile_error"] is None


def test_an_array_that_the_file_does_not_take(tmp_path, digit_files, parent, refusal):
    folder = packed(tmp_path, digit_files).folder
    files = read_plan(folder / "plan.json").files
    swapped = PlannedFile("one", files[0].path, files[1].input)
    with Worker(swapped, parent, 1) as worker:
        error_line = refusal(RunnerError, worker.report)
    assert error_line.startswith("one: ")
    assert "shape" in error_line


def test_a_parent_that_closes_its_end(tmp_path, digit_files, refusal):
    file = read_plan(packed(tmp_path, digit_files).folder / "plan.json").files[0]
    ours, theirs = os.pipe()
    with Worker(file, Parent(ours), 1) as worker:
        worker.report()
        os.write(theirs, b"what is said there does not matter\n")
        assert worker.turn() > 0
        os.close(theirs)
        assert "closed" in refusal(RunnerError, worker.turn)
    os.close(ours)
