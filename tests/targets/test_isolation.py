"""A process of its own dies alone, says how, and never outlives whoever started it."""

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from micronet_edge.errors import TargetError
from micronet_edge.targets.isolation import DeathError, IsolatedProcess, expect, process_for

PATIENCE_S = 60


@pytest.fixture(scope="module")
def process():
    return IsolatedProcess()


def pid_of(process):
    return process.call(os.getpid)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends(pid):
    end = time.monotonic() + PATIENCE_S
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not is_running(pid)


def test_it_calls_functions_elsewhere(process):
    assert pid_of(process) == pid_of(process) != os.getpid()
    numbers = np.arange(1_000_000, dtype=np.float32)
    np.testing.assert_array_equal(process.call(np.add, numbers, 1), numbers + 1)


def test_it_finds_what_this_process_finds(process):
    assert process.call(eval, "__import__('sys').path") == sys.path


def test_its_errors_are_raised_here_with_the_way_they_came(process):
    with pytest.raises(ValueError, match="invalid literal") as caught:
        process.call(int, "x")
    assert "In the process that opened the file" in caught.value.__notes__[0]
    with pytest.raises(TargetError, match="a line"):
        process.call(exec, "from micronet_edge.errors import TargetError; raise TargetError('a line')")
    assert process.alive


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone chooses whom to end")
def test_it_is_the_first_to_go_where_memory_runs_out(process):
    assert process.call(Path.read_text, Path("/proc/self/oom_score_adj")) == "1000\n"


def test_what_a_library_prints_is_no_answer(process, capfd):
    assert process.call(os.system, "echo chatter; echo more >&2") == 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("import os; os.abort()", r"ended with signal 6 \(SIGABRT\)"),
        ("import ctypes; ctypes.string_at(0)", r"ended with signal 11 \(SIGSEGV\)"),
        (
            "import os, sys; print('out of luck', file=sys.stderr, flush=True); os.abort()",
            "saying 'out of luck'",
        ),
        (
            "import os; os.kill(os.getpid(), 9)",
            r"ended with signal 9 \(SIGKILL\), perhaps for want of memory",
        ),
        ("import os; os._exit(3)", "ended with exit code 3"),
    ],
)
def test_its_death_is_told(code, how):
    process = IsolatedProcess()
    with pytest.raises(DeathError, match=how):
        process.call(exec, code)
    assert not process.alive
    with pytest.raises(DeathError, match="was ended before"):
        process.call(int, "1")


def test_it_is_not_waited_for_in_vain():
    process = IsolatedProcess()
    assert process.call_within(PATIENCE_S, int, "1") == 1
    with pytest.raises(DeathError, match=r"did not answer within 0\.3 seconds"):
        process.call_within(0.3, time.sleep, PATIENCE_S)
    assert not process.alive


def test_it_ends_when_nobody_needs_it():
    process = IsolatedProcess()
    pid = pid_of(process)
    del process
    gc.collect()
    assert ends(pid)


def test_an_interruption_ends_it():
    process = IsolatedProcess()
    pid = pid_of(process)

    def interrupt(_number, _frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            process.call(time.sleep, PATIENCE_S)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert ends(pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_its_owner_even_in_the_middle_of_a_call(number):
    code = (
        "import os, signal, time\n"
        "from micronet_edge.targets.isolation import IsolatedProcess\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "process = IsolatedProcess()\n"
        "print(process.call(os.getpid), flush=True)\n"
        "process.call(time.sleep, 600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as owner:
        pid = int(owner.stdout.readline())
        owner.send_signal(number)
        owner.wait(PATIENCE_S)
    assert ends(pid)


def test_one_process_for_a_file_and_another_for_the_next(tmp_path):
    one, other = tmp_path / "one.onnx", tmp_path / "other.onnx"
    one.touch()
    expect(one)
    first = process_for(one)
    assert process_for(tmp_path / "." / "one.onnx") is first
    second = process_for(other)
    assert second is not first
    assert first.alive  # as long as somebody holds it
    assert process_for(other) is second
    second.end()
    assert process_for(other) is not second


def test_nothing_is_started_for_what_is_not_there(tmp_path):
    here = process_for(tmp_path / "here.onnx")
    for name in ("none.onnx", "m0.safetensors", "a" * 300 + ".onnx"):
        expect(tmp_path / name)
    assert process_for(tmp_path / "here.onnx") is here
