"""Where training starts: random weights, checkpoints with other classes, teachers."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from training.small_tasks import PREPROCESSING, QUICK, make_task

from micronet_edge.errors import CheckpointError, SettingsError
from micronet_edge.models import MicroNet, load_checkpoint, save_checkpoint
from micronet_edge.settings import TrainSettings
from micronet_edge.training.events import Unwatched
from micronet_edge.training.fit import earlier_state, fit
from micronet_edge.training.recipe import Recipe, ScheduleRecipe
from micronet_edge.training.start import HEAD, preprocessing_for, read_start, starting_network
from micronet_edge.training.teacher import check_teacher, read_teacher


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    def save(labels, name="trained.safetensors", seed=0):
        torch.manual_seed(seed)
        path = tmp_path_factory.mktemp("checkpoints") / name
        save_checkpoint(MicroNet("m0", len(labels)), path, preprocessing=PREPROCESSING, labels=tuple(labels))
        return path

    return save


def started(path, labels, **settings):
    given = TrainSettings(start=path, **settings)
    return starting_network(read_start(given), tuple(labels), Recipe(), given)


def test_from_scratch_the_seed_decides_the_weights_and_nothing_else():
    before = torch.get_rng_state()
    nets = [started(None, "abc", seed=seed).network.state_dict() for seed in (0, 0, 1)]
    assert torch.equal(torch.get_rng_state(), before)
    name = "features.stem.vertical.weight"
    assert torch.equal(nets[0][name], nets[1][name])
    assert not torch.equal(nets[0][name], nets[2][name])


def test_a_head_of_other_classes_is_replaced_and_a_line_says_so(saved):
    path = saved("abcd")
    start = started(path, "abc")
    own = load_checkpoint(path).network.state_dict()
    for name, value in start.network.state_dict().items():
        if not name.startswith(HEAD):
            assert torch.equal(value, own[name]), name
    assert start.new_head
    assert start.network.num_classes == 3
    assert "its head of 4 classes is replaced by a random one of 3" in start.notes[-1]


def test_other_labels_of_the_same_number_replace_the_head(saved):
    assert started(saved("abcd"), "abce").new_head


def test_equal_labels_keep_the_head(saved):
    path = saved("abcd")
    start = started(path, "abcd", keep_head=True)
    assert not start.new_head
    own = load_checkpoint(path).network.state_dict()
    assert all(torch.equal(value, own[name]) for name, value in start.network.state_dict().items())


@pytest.mark.parametrize(
    ("labels", "said"), [("abce", "class 3 is 'd'"), ("abc", "has 4 classes, the images have 3")]
)
def test_keep_head_needs_equal_labels(saved, refusal, labels, said):
    assert said in refusal(SettingsError, started, saved("abcd"), labels, keep_head=True)


def test_keep_head_needs_a_checkpoint(refusal):
    assert "--from" in refusal(SettingsError, read_start, TrainSettings(keep_head=True))


def test_wrong_starts_are_one_line(saved, refusal, tmp_path):
    refusal(SettingsError, read_start, TrainSettings(variant="m7"))
    refusal(CheckpointError, read_start, TrainSettings(start=tmp_path / "none.pt"))
    refusal(CheckpointError, read_start, TrainSettings(start=saved("ab"), variant="m1"))


def test_the_preprocessing_is_the_checkpoints_at_the_size_wanted(saved):
    checkpoint = read_start(TrainSettings(start=saved("ab")))
    assert preprocessing_for(checkpoint, Recipe(input_size=224), TrainSettings()) == PREPROCESSING
    larger = preprocessing_for(checkpoint, Recipe(), TrainSettings(input_size=64))
    assert larger == replace(PREPROCESSING, size=64, resize=64)
    scratch = preprocessing_for(None, Recipe(input_size=224, crop=0.875), TrainSettings())
    assert (scratch.size, scratch.resize) == (224, 256)


def test_dropout_is_the_recipes(saved):
    assert (
        starting_network(None, ("a", "b"), Recipe(dropout=0.3), TrainSettings()).network.classifier.dropout.p
        == 0.3
    )
    assert started(saved("ab"), "ab").network.classifier.dropout.p == 0.05


# --- The head alone


def test_at_first_only_a_new_head_learns_and_no_norm_moves(tmp_path, saved):
    path = saved("abc")
    settings = {"start": path}
    recipe = replace(QUICK, ema_decay=None, schedule=ScheduleRecipe(epochs=2, head_epochs=2))
    task = make_task(tmp_path, recipe, checkpoint=read_start(TrainSettings(**settings)), settings=settings)
    before = {name: value.clone() for name, value in task.start.network.state_dict().items()}
    fit(task, Unwatched())
    after = task.start.network.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith(HEAD) for name in changed)


def test_later_all_layers_learn_the_early_ones_slower(tmp_path, saved):
    settings = {"start": saved("abc")}
    recipe = replace(QUICK, schedule=ScheduleRecipe(epochs=2, head_epochs=1, layer_decay=0.5))
    task = make_task(tmp_path, recipe, checkpoint=read_start(TrainSettings(**settings)), settings=settings)
    before = {name: value.clone() for name, value in task.start.network.state_dict().items()}
    fit(task, Unwatched())
    after = earlier_state(task).network
    assert all(not torch.equal(before[name], after[name]) for name in before if name.endswith("running_mean"))


# --- Teachers


def test_a_teacher_teaches(tmp_path, saved):
    teacher = read_teacher(saved("abcd", seed=3), tuple("abcd"), PREPROCESSING)
    assert not any(each.requires_grad for each in teacher.network.parameters())
    folders = [tmp_path / "with", tmp_path / "without"]
    for folder in folders:
        folder.mkdir()
    taught, alone = (
        fit(make_task(folder, teacher=each), Unwatched())
        for folder, each in zip(folders, (teacher, None), strict=True)
    )
    assert taught.checkpoint.read_bytes() != alone.checkpoint.read_bytes()
    assert not teacher.network.training


def test_a_module_teaches():
    class Answers(nn.Module):
        def forward(self, x):
            return x.mean((2, 3))

    assert read_teacher(Answers(), tuple("abc"), PREPROCESSING).name == "Answers"


def test_a_teacher_of_other_classes_is_refused(saved, refusal):
    assert "has 3 classes, the images have 4" in refusal(
        SettingsError, read_teacher, saved("abc"), tuple("abcd"), PREPROCESSING
    )
    assert "its class 0 is 'b'" in refusal(
        SettingsError, read_teacher, saved("bacd"), tuple("abcd"), PREPROCESSING
    )
    assert "random weights" in refusal(SettingsError, check_teacher, "m3")
    refusal(SettingsError, check_teacher, 3)
    refusal(CheckpointError, check_teacher, "no/such.pt")


def test_a_teacher_sees_the_same_pixels_as_its_own_preprocessing_gives(saved):
    path = saved("ab", seed=4)
    own = replace(PREPROCESSING, mean=(0.1, 0.2, 0.3), std=(0.2, 0.3, 0.4), color_order="BGR")
    pixels = torch.rand(2, 3, 32, 32)
    given = (pixels.flip(1) - torch.tensor(own.mean).view(3, 1, 1)) / torch.tensor(own.std).view(3, 1, 1)
    wanted = (pixels - 0.5) / 0.25
    teacher = read_teacher(path, ("a", "b"), own)
    network = load_checkpoint(path).network
    torch.testing.assert_close(teacher.network(given), network(wanted), rtol=1e-4, atol=1e-5)
