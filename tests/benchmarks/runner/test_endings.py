"""However a measuring ends early: one clear line, and no process is left."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from benchmarks.runner.plans import packed, ran, runner
from cli.command import children_of

PATIENCE_S = 120
LONG = {"processes": 1, "rounds": 1_000_000}


@pytest.fixture
def folder(tmp_path, digit_files):
    """A folder with a measuring that nobody waits for the end of."""
    path = tmp_path / "plan"
    path.mkdir()
    packed(path, digit_files, **LONG)
    return path


def until(holds):
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def measuring(process):
    """Waits for the first round; gives the numbers of the workers."""
    stage = ""
    while stage != "measure":
        stage = json.loads(process.stdout.readline())["stage"]
    found = workers(process.pid)
    assert len(found) == 2
    return found


def workers(session):
    """The workers of a runner, which leads the session."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_text().split("\0")
            number = int((folder / "stat").read_text().rpartition(")")[2].split()[3])
        except OSError:  # ended meanwhile
            continue
        if number == session and "--worker" in line:
            found.append(int(folder.name))
    return found


def failed(process):
    """The line that a run failed with; nothing may be left of it."""
    *_, last = process.stdout.read().splitlines()
    assert process.wait(PATIENCE_S) == 1
    assert list(children_of(process.pid)) == []
    assert "Traceback" not in process.stderr.read()
    return json.loads(last)["error"]


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM], ids=lambda each: each.name
)
def test_a_worker_that_dies(folder, digit_files, number):
    with runner("plan.json", cwd=folder) as process:
        victim, other = measuring(process)
        os.kill(victim, number)
        error_line = failed(process)
    name = error_line.partition(":")[0]
    assert name in {path.name for path in digit_files}
    assert f"ended by {number.name}" in error_line
    assert not Path(f"/proc/{other}").exists()
    assert not (folder / "result.json").exists()


def test_a_killed_coordinator_leaves_no_process(folder):
    with runner("plan.json", cwd=folder) as process:
        numbers = measuring(process)
        process.kill()
        until(lambda: not any(Path(f"/proc/{number}").exists() for number in numbers))
        assert list(children_of(process.pid)) == []


def test_a_killed_coordinator_ends_a_worker_that_listens_to_nothing(folder):
    with runner("plan.json", cwd=folder) as process:
        numbers = measuring(process)
        # A stopped process reads no pipe: only the kernel can end it.
        os.kill(numbers[0], signal.SIGSTOP)
        process.kill()
        until(lambda: not any(Path(f"/proc/{number}").exists() for number in numbers))


def test_closed_input(folder):
    with runner("plan.json", cwd=folder) as process:
        measuring(process)
        process.stdin.close()
        assert failed(process) == "standard input was closed, which ends the runner"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda each: each.name)
def test_a_signal(folder, number):
    with runner("plan.json", cwd=folder) as process:
        measuring(process)
        process.send_signal(number)
        assert failed(process) == f"the runner was ended by {number.name}"


def test_ctrl_c_goes_to_all_processes_of_a_terminal(folder):
    with runner("plan.json", cwd=folder) as process:
        measuring(process)
        os.killpg(process.pid, signal.SIGINT)
        assert failed(process) == "the runner was ended by SIGINT"


def test_a_listener_that_goes(folder):
    with runner("plan.json", cwd=folder) as process:
        measuring(process)
        process.stdout.close()
        assert process.wait(PATIENCE_S) == 1
        assert list(children_of(process.pid)) == []
        assert "Traceback" not in process.stderr.read()


def test_a_parent_that_is_killed(folder, tmp_path):
    output = tmp_path / "output"
    command = [sys.executable, "-I", "runner.pyz", "plan.json"]
    # Its input is no pipe, so all that it can notice is who its parent is.
    start = f"import subprocess; subprocess.run({command}, stdin=subprocess.DEVNULL)"
    with (
        output.open("w") as file,
        subprocess.Popen(
            [sys.executable, "-c", start],
            cwd=folder,
            stdout=file,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process,
    ):
        until(lambda: '"measure"' in output.read_text())
        assert len(workers(process.pid)) == 2
        process.kill()
        until(lambda: not list(children_of(process.pid)))
    assert (
        json.loads(output.read_text().splitlines()[-1])["error"]
        == "the process that started the runner has ended"
    )


def test_an_input_that_says_nothing_does_not_end_it(tmp_path, digit_files):
    packed(tmp_path, digit_files)
    code, _lines = ran(tmp_path, "plan.json", stdin=subprocess.DEVNULL)
    assert code == 0


def test_an_older_result_does_not_outlive_a_failure(tmp_path, digit_files):
    packed(tmp_path, digit_files)
    (tmp_path / "result.json").write_text("older")
    (tmp_path / f"1-{digit_files[1].name}").write_bytes(b"no network")
    code, lines = ran(tmp_path, "plan.json")
    assert code == 1
    assert lines[-1]["error"].startswith(f"{digit_files[1].name}: ")
    assert not (tmp_path / "result.json").exists()
