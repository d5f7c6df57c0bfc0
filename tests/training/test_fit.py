"""The training loop, on a network and images small enough for seconds."""

import json
from dataclasses import replace

import pytest
import torch
from training.small_tasks import QUICK, Pictures, make_task, normalized, still

from micronet_edge.errors import OutputError, SettingsError
from micronet_edge.models import load_checkpoint
from micronet_edge.training.events import Unwatched
from micronet_edge.training.fit import earlier_state, fit
from micronet_edge.training.interruption import TrainingInterruptedError
from micronet_edge.training.recipe import OptimizerRecipe, ScheduleRecipe
from micronet_edge.training.run_files import refuse_other_run


class Watcher(Unwatched):
    def __init__(self):
        self.steps, self.epochs, self.at = [], [], {}

    def stepped(self, step):
        self.steps.append(step)
        self.at.get((step.epoch, step.step), lambda: None)()

    def validated(self, epoch):
        self.epochs.append(epoch)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_run_trains_measures_and_keeps_the_best(tmp_path):
    watcher = Watcher()
    fitted = fit(make_task(tmp_path), watcher)
    assert files(tmp_path) == ["history.jsonl", "last.pt", "small.safetensors"]
    assert [(step.epoch, step.step) for step in watcher.steps] == [
        (e, s) for e in (1, 2, 3) for s in range(1, 6)
    ]
    assert fitted.history == tuple(watcher.epochs)
    assert fitted.ended == "all epochs"
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    right = fitted.probabilities.argmax(1) == fitted.plan.dataset.validation.classes
    assert right.mean() == pytest.approx(fitted.best.top1)
    assert fitted.best.top1 == max(epoch.top1 for epoch in fitted.history)
    loaded = load_checkpoint(fitted.checkpoint)
    assert (loaded.labels, loaded.preprocessing) == (fitted.plan.dataset.labels, fitted.plan.preprocessing)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path):
    contents = []
    for number, seed in enumerate([0, 0, 1]):
        folder = tmp_path / str(number)
        folder.mkdir()
        contents.append(fit(make_task(folder, settings={"seed": seed}), Unwatched()).checkpoint.read_bytes())
    assert contents[0] == contents[1] != contents[2]


def test_it_learns_32_images_by_heart(tmp_path):
    recipe = replace(
        QUICK,
        dropout=0.0,
        ema_decay=None,
        optimizer=OptimizerRecipe(lr=0.1, lr_batch_size=16),
        batch_size=16,
        schedule=ScheduleRecipe(epochs=40),
    )
    pictures = Pictures.drawn(32, 4, 1)
    # Their classes are drawn at random, so that only the images themselves tell them.
    pictures.classes = pictures.classes[torch.randperm(32, generator=torch.Generator().manual_seed(5))]
    task = make_task(tmp_path, recipe, pictures=pictures, seen=pictures, augment=still)
    fitted = fit(task, Unwatched())
    network = load_checkpoint(fitted.checkpoint).network
    assert fitted.best.top1 == 1.0
    assert (network(normalized(pictures.images)).argmax(1) == pictures.classes).all()


@pytest.mark.parametrize("at", [(1, 1), (2, 3), (3, 5)])
def test_an_interrupted_run_goes_on_bit_for_bit(tmp_path, at):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    expected = fit(make_task(whole), Unwatched())
    watcher = Watcher()
    watcher.at[at] = lambda: (_ for _ in ()).throw(OSError)  # a crash, after a save at every step
    with pytest.raises(OSError):  # noqa: PT011 - our own
        fit(make_task(parts, save_every_s=0.0), watcher)
    task = make_task(parts)
    state = earlier_state(task)
    found = fit(task, Unwatched(), state)
    assert found.checkpoint.read_bytes() == expected.checkpoint.read_bytes()
    assert [(e.loss, e.top1, e.validation_loss) for e in found.history] == [
        (e.loss, e.top1, e.validation_loss) for e in expected.history
    ]
    assert same(earlier_state(task), earlier_state(make_task(whole)))


def same(one, other):
    for name in ("network", "average", "best"):
        left, right = getattr(one, name), getattr(other, name)
        assert left.keys() == right.keys()
        assert all(torch.equal(left[key], right[key]) for key in left), name
    left, right = one.optimizer["state"], other.optimizer["state"]
    return all(torch.equal(left[key]["momentum_buffer"], right[key]["momentum_buffer"]) for key in left)


def test_a_finished_run_is_not_trained_again(tmp_path):
    expected = fit(make_task(tmp_path), Unwatched())
    expected.checkpoint.unlink()
    watcher, task = Watcher(), make_task(tmp_path)
    found = fit(task, watcher, earlier_state(task))
    assert watcher.steps == []
    assert found.checkpoint.is_file()
    assert (found.probabilities == expected.probabilities).all()


def test_signals_save_and_say_how_to_go_on(tmp_path):
    import os
    import signal

    watcher = Watcher()
    watcher.at[2, 2] = lambda: os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(TrainingInterruptedError, match="--resume") as caught:
        fit(make_task(tmp_path), watcher)
    assert "epoch 2 after step 3 of 5" in str(caught.value)
    state = earlier_state(make_task(tmp_path))
    assert (state.epoch, state.step) == (2, 3)


def test_other_settings_do_not_go_on(tmp_path, refusal):
    fit(make_task(tmp_path), Unwatched())
    other = make_task(tmp_path, replace(QUICK, label_smoothing=0.1))
    assert "another label_smoothing: 0.0 there, 0.1 now" in refusal(SettingsError, earlier_state, other)
    assert "another seed" in refusal(SettingsError, earlier_state, make_task(tmp_path, settings={"seed": 3}))


def test_a_damaged_state_is_one_line(tmp_path, refusal):
    from micronet_edge.errors import CheckpointError

    fit(make_task(tmp_path), Unwatched())
    whole = (tmp_path / "last.pt").read_bytes()
    for content in (whole[:-900], b"nothing", whole[:200] + b"x" * 300 + whole[500:]):
        (tmp_path / "last.pt").write_bytes(content)
        assert "damaged" in refusal(CheckpointError, earlier_state, make_task(tmp_path))


def test_another_run_in_the_folder_is_refused(tmp_path, refusal):
    refuse_other_run(tmp_path / "new", "small", resume=False, overwrite=False)
    fit(make_task(tmp_path), Unwatched())
    said = refusal(OutputError, refuse_other_run, tmp_path, "small", resume=False, overwrite=False)
    assert "--resume" in said
    refuse_other_run(tmp_path, "small", resume=True, overwrite=False)
    refusal(OutputError, refuse_other_run, tmp_path, "small", resume=True, overwrite=True)


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path, refusal):
    def burst(images, classes, count):
        changed, target = still(images, classes, count)
        return changed * (float("nan") if torch.initial_seed() == bad else 1.0), target

    from micronet_edge.training.seeds import seed_of

    bad = seed_of("step", 0, 2, 3, 0)
    said = refusal(SettingsError, fit, make_task(tmp_path, augment=burst), Unwatched())
    assert "not finite in epoch 2 at step 4" in said
    assert "of epoch 1, stay in" in said
    load_checkpoint(tmp_path / "small.safetensors")
    assert earlier_state(make_task(tmp_path)).epoch == 2


def test_patience_ends_a_run(tmp_path):
    recipe = replace(QUICK, schedule=ScheduleRecipe(epochs=50, patience=2))
    recipe = replace(recipe, optimizer=OptimizerRecipe(lr=1e-12), ema_decay=None, dropout=0.0)
    fitted = fit(make_task(tmp_path, recipe), Unwatched())
    assert fitted.ended == "no better epoch for 2 epochs"
    assert len(fitted.history) == fitted.best.epoch + 2


def test_a_full_disk_is_one_line_and_the_earlier_files_stay(tmp_path, refusal, monkeypatch):
    import errno
    from pathlib import Path

    fit(make_task(tmp_path), Unwatched())
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write = Path.write_bytes

    def full(path, content):
        write(path, content[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert "no space left" in refusal(OutputError, fit, make_task(tmp_path), Unwatched())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
