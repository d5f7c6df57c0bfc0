"""The whole of training on folders of small pictures: files, refusals, resuming."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from training.small_tasks import Pictures

from micronet_edge.errors import OutputError, SettingsError
from micronet_edge.models import load_checkpoint
from micronet_edge.models.checkpoint_files import read_file
from micronet_edge.settings import TrainSettings
from micronet_edge.training.distributed import World
from micronet_edge.training.events import Unwatched
from micronet_edge.training.prepare import data_name, fitting_batch
from micronet_edge.training.recipe import Recipe
from micronet_edge.training.run import train

FILES = ["history.jsonl", "last.pt", "m0-run.safetensors", "report.html", "split.jsonl"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "photos"
    pictures = Pictures.drawn(60, 3, 1)
    for number, (pixels, place) in enumerate(zip(pictures.images, pictures.classes.tolist(), strict=True)):
        path = folder / "abc"[place] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(pixels.permute(1, 2, 0))).save(path)
    return folder


@pytest.fixture
def settings(tmp_path):
    return TrainSettings(output=tmp_path / "run", epochs=2, batch_size=8, input_size=32, workers=0)


class Watcher(Unwatched):
    def __init__(self, stop_in=0):
        self.plans, self.notes, self.epochs, self.stop_in = [], [], [], stop_in

    def planned(self, plan):
        self.plans.append(plan)

    def note(self, text):
        self.notes.append(text)

    def validated(self, epoch):
        self.epochs.append(epoch)
        if epoch.epoch == self.stop_in:
            raise OSError


class Intruder(Watcher):
    """Starts the same run again as soon as it has begun."""

    def __init__(self, again):
        super().__init__()
        self.again, self.refusals = again, []

    def planned(self, plan):
        super().planned(plan)
        with pytest.raises(OutputError) as caught:
            self.again()
        self.refusals.append(str(caught.value))


def test_two_runs_never_share_a_folder(photos, settings):
    again = replace(settings, overwrite=True)
    watcher = Intruder(lambda: train(photos, settings=again))
    trained = train(photos, settings=settings, observer=watcher)
    assert watcher.refusals == [
        f"another run trains into {trained.folder}: wait until it ends, or give another folder as --output"
    ]
    assert sorted(path.name for path in trained.folder.iterdir()) == FILES


def test_a_folder_of_photos_becomes_a_checkpoint_with_all_that_later_steps_need(photos, settings):
    watcher = Watcher()
    trained = train(photos, settings=settings, observer=watcher)
    assert sorted(path.name for path in trained.folder.iterdir()) == FILES
    (plan,) = watcher.plans
    assert (plan.name, plan.variant, plan.recipe_name, plan.device) == ("m0-run", "m0", "small", "cpu")
    assert "48" in plan.lines[0] or "to train on" in plan.lines[0]
    loaded = load_checkpoint(trained.fitted.checkpoint)
    assert loaded.labels == ("a", "b", "c")
    _, metadata = read_file(trained.fitted.checkpoint)
    training = json.loads(metadata["micronet_edge"])["training"]
    assert training["recipe"]["schedule"]["epochs"] == 2
    assert training["data_sha256"] == plan.dataset.sha256
    assert training["torch"] == torch.__version__
    assert training["top1"] == trained.fitted.best.top1
    lines = (trained.folder / "split.jsonl").read_text().splitlines()
    assert len(lines) == plan.dataset.train.count + plan.dataset.validation.count


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_stopped_between_epochs_goes_on_bit_for_bit(photos, settings, tmp_path, workers):
    whole = train(photos, settings=settings).fitted
    again = replace(settings, output=tmp_path / "again", workers=workers)
    with pytest.raises(OSError):  # noqa: PT011 - the watcher's own
        train(photos, settings=again, observer=Watcher(stop_in=1))
    watcher = Watcher()
    found = train(photos, settings=replace(again, resume=True), observer=watcher).fitted
    assert found.checkpoint.read_bytes() == whole.checkpoint.read_bytes()
    assert [epoch.epoch for epoch in watcher.epochs] == [2]
    assert any("going on" in note for note in watcher.notes)


def test_another_run_is_refused_before_any_work(photos, settings, refusal):
    train(photos, settings=settings)
    assert "--resume" in refusal(OutputError, train, photos, settings=settings)
    train(photos, settings=replace(settings, overwrite=True, epochs=1))
    said = refusal(SettingsError, train, photos, settings=replace(settings, resume=True))
    assert "another schedule.epochs: 1 there, 2 now" in said


def test_nothing_to_resume_starts_anew(photos, settings):
    watcher = Watcher()
    train(photos, settings=replace(settings, resume=True, epochs=1), observer=watcher)
    assert any("does not exist: training starts" in note for note in watcher.notes)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"epochs": 0}, SettingsError, "schedule.epochs is 0"),
        ({"batch_size": 1000}, SettingsError, "--batch-size"),
        ({"batch_size": 1}, SettingsError, "batch_size is 1"),
        ({"seed": -1}, SettingsError, "--seed -1"),
        ({"workers": -1}, SettingsError, "--workers -1"),
        ({"variant": "m5"}, SettingsError, "unknown variant"),
        ({"recipe": "none"}, SettingsError, "recipe none is unknown"),
        ({"teacher": "m3"}, SettingsError, "random weights"),
        ({"resume": True, "overwrite": True}, OutputError, "give one of them"),
        ({"input_size": 0}, SettingsError, "input_size is 0"),
    ],
)
def test_bad_settings_are_one_line_and_write_nothing(photos, settings, refusal, changes, error, said):
    assert said in refusal(error, train, photos, settings=replace(settings, **changes))
    assert not settings.output.exists()


def test_the_output_never_lies_among_the_images(photos, settings, refusal):
    inside = replace(settings, output=photos / "run")
    assert "folder of the images" in refusal(OutputError, train, photos, settings=inside)


def test_a_file_is_no_folder(photos, settings, refusal, tmp_path):
    (tmp_path / "file").write_text("")
    for output in (tmp_path / "file", tmp_path / "file" / "below"):
        refusal(OutputError, train, photos, settings=replace(settings, output=output))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("photos", "photos"),
        ("photos/", "photos"),
        ("a/shards-{0000..0099}.tar", "shards"),
        ("a/one.tar", "one"),
        ("a/{00..99}.tar", "a"),
    ],
)
def test_the_name_of_the_images(data, name):
    assert data_name(data) == name


def test_the_recipes_batch_shrinks_to_the_images_and_the_users_does_not(refusal):
    recipe, one, two = Recipe(batch_size=64), World(), World(0, 2, 0)
    assert fitting_batch(recipe, 100, one, TrainSettings()) == (recipe, None)
    smaller, line = fitting_batch(recipe, 41, two, TrainSettings())
    assert smaller.batch_size == 40
    assert "instead of the recipe's 64" in line
    assert (
        fitting_batch(recipe, 41, one, TrainSettings(batch_size=64))[0].batch_size == 64
    )  # the loader refuses
    refusal(SettingsError, fitting_batch, recipe, 1, one, TrainSettings())
    refusal(SettingsError, fitting_batch, replace(recipe, sync_norms=False), 3, two, TrainSettings())


def test_export_reads_the_checkpoint(photos, settings, tmp_path):
    import micronet_edge

    trained = train(photos, settings=replace(settings, epochs=1))
    to = micronet_edge.ExportSettings(output=tmp_path / "files", formats=("onnx",))
    (file,) = micronet_edge.export(trained.fitted.checkpoint, settings=to)
    metadata = micronet_edge.read_metadata(file.path)
    assert (metadata.labels, metadata.assumed) == (("a", "b", "c"), ())
    assert Path(file.path).is_file()
