"""Runs in processes of their own: killed at any moment, and trained by two at once."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from training.small_tasks import make_task
from training.trained_in_processes import TWENTY_STEPS

from micronet_edge.models import load_checkpoint
from micronet_edge.training.events import Unwatched
from micronet_edge.training.fit import fit

SCRIPT = Path(__file__).with_name("trained_in_processes.py")
TESTS = Path(__file__).parents[1]

TWO_AGREE_WITH_ONE = 2e-4
"""Largest difference of any weight or statistic after 20 steps, relative to its tensor's largest value.

Two processes sum in another order than one: float32 starts at 1e-7, and training amplifies it. One process
that takes the images of each batch in reverse order differs from itself by 3e-5 at this learning rate, and by
0.09 at one 25 times as high.
"""


def environment():
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path]),
        "OMP_NUM_THREADS": "1",
    }


def by_two(folder, how):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [*command, str(SCRIPT), str(folder), how],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def weights(path):
    return {
        name: np.asarray(value, np.float64)
        for name, value in load_checkpoint(path).network.state_dict().items()
    }


def largest_difference(one, other):
    return max(
        float(np.abs(one[name] - other[name]).max() / max(np.abs(one[name]).max(), 1e-3)) for name in one
    )


def test_two_processes_agree_with_one(tmp_path):
    from training.small_tasks import still

    alone, both = tmp_path / "alone", tmp_path / "both"
    alone.mkdir()
    both.mkdir()
    expected = fit(make_task(alone, TWENTY_STEPS, augment=still), Unwatched())
    done = by_two(both, "synced")
    assert done.returncode == 0, done.stderr
    assert (
        largest_difference(weights(expected.checkpoint), weights(both / "small.safetensors"))
        < TWO_AGREE_WITH_ONE
    )
    lines = [json.loads(line) for line in (both / "history.jsonl").read_text().splitlines()]
    assert [line["top1"] for line in lines] == [epoch.top1 for epoch in expected.history]
    for line, epoch in zip(lines, expected.history, strict=True):
        assert line["loss"] == pytest.approx(epoch.loss, rel=1e-3)
        assert line["validation_loss"] == pytest.approx(epoch.validation_loss, rel=1e-3)


@pytest.mark.slow
def test_norms_of_each_process_alone_do_not_agree(tmp_path):
    """So the test above sees a difference where there is one."""
    from training.small_tasks import still

    alone, both = tmp_path / "alone", tmp_path / "both"
    alone.mkdir()
    both.mkdir()
    expected = fit(make_task(alone, TWENTY_STEPS, augment=still), Unwatched())
    assert by_two(both, "unsynced").returncode == 0
    assert largest_difference(weights(expected.checkpoint), weights(both / "small.safetensors")) > 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "said"), [("failing", "process 1 fails as it was told"), ("killed", "lost the others")]
)
def test_a_process_that_dies_ends_all_with_one_line(tmp_path, how, said):
    start = time.monotonic()
    done = by_two(tmp_path, how)
    assert done.returncode != 0
    assert time.monotonic() - start < 60
    own = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert any(said in line for line in own), done.stderr
    assert SCRIPT.name + '", line' not in done.stderr  # torchrun's own traceback is its own


def start(folder, how):
    command = [sys.executable, str(SCRIPT), str(folder), how]
    return subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def progress(folder):
    last = folder / "last.pt"
    return last.stat().st_mtime_ns if last.exists() else 0


def killed_and_resumed(folder, random):
    """Kills runs soon after they have saved, most of them inside a save, until one ends; how often."""
    kills = 0
    while True:
        before, patience = progress(folder), 0.3 * float(random.random())
        with start(folder, "goes on") as process:
            while progress(folder) == before and process.poll() is None:
                time.sleep(0.002)
            try:
                process.wait(timeout=patience)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                kills += 1
                continue
            assert process.returncode == 0, process.stderr.read().decode()
            return kills


@pytest.mark.slow
def test_a_run_killed_again_and_again_is_the_run_never_killed(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    expected = fit(make_task(whole), Unwatched()).checkpoint.read_bytes()
    total = 0
    for number in range(2):
        folder = parts / str(number)
        folder.mkdir(parents=True)
        total += killed_and_resumed(folder, np.random.default_rng(number))
        assert (folder / "small.safetensors").read_bytes() == expected
        assert sorted(path.name for path in folder.iterdir()) == [
            "history.jsonl",
            "last.pt",
            "small.safetensors",
        ]
    assert total >= 4
