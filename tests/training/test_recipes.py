"""Recipes: what they say, and what is refused."""

import pytest

from micronet_edge.errors import SettingsError
from micronet_edge.models.family import FAMILY
from micronet_edge.settings import TrainSettings
from micronet_edge.training.recipe import Recipe
from micronet_edge.training.recipe_files import RECIPES, read_recipe, recipe_text, with_settings


@pytest.fixture
def own(tmp_path):
    def write(text):
        path = tmp_path / "own.toml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("variant", FAMILY)
def test_every_recipe_of_the_package_reads(name, variant):
    assert isinstance(read_recipe(name, variant), Recipe)
    assert recipe_text(name).startswith(f"# {name}: ")


def test_paper_is_what_the_authors_released():
    m1, m3 = read_recipe("paper", "m1"), read_recipe("paper", "m3")
    assert (m1.batch_size, m1.optimizer.lr, m1.optimizer.lr_batch_size) == (512, 0.2, 512)
    assert (m1.optimizer.momentum, m1.optimizer.nesterov, m1.optimizer.decay_norms) == (0.9, False, True)
    assert (m1.schedule.epochs, m1.label_smoothing, m1.input_size, m1.dropout) == (600, 0.0, 224, None)
    assert (m1.augmentation.crop_area, m1.augmentation.mirror) == ((0.08, 1.0), True)
    assert (m1.optimizer.weight_decay, m3.optimizer.weight_decay) == (3e-5, 4e-5)
    assert (m1.schedule.warmup_epochs, m3.schedule.warmup_epochs) == (0, 5)
    assert m3.variants == {}


def test_a_file_starts_from_a_recipe(own):
    recipe = read_recipe(own('base = "paper"\nlabel_smoothing = 0.2\n[optimizer]\nlr = 1\n'), "m0")
    assert (recipe.label_smoothing, recipe.optimizer.lr, recipe.optimizer.weight_decay) == (0.2, 1.0, 3e-5)


def test_none_switches_off(own):
    recipe = read_recipe(own('base = "small"\nema_decay = "none"\n[optimizer]\nclip_norm = "none"'), "m0")
    assert recipe.ema_decay is None
    assert recipe.optimizer.clip_norm is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epoch = 3", "unknown key epoch: the keys here are input_size"),
        ("[schedule]\nepoch = 3", "unknown key schedule.epoch"),
        ('[optimizer]\nlr = "fast"', "optimizer.lr: expected float, got str"),
        ("batch_size = 1.5", "batch_size: expected int"),
        ("[optimizer]\nlr = -1.0", "optimizer.lr is -1: give a number above 0 to 1000"),
        ("[optimizer]\nlr = nan", "optimizer.lr is nan"),
        ("label_smoothing = 1.0", "label_smoothing is 1: give a number from 0 and below 1"),
        ("[augmentation]\ncrop_area = [0.5, 0.2]", "give the smaller number first"),
        ("[augmentation]\ncrop_area = [0.5]", "augmentation.crop_area"),
        ("[schedule]\nepochs = 2\nwarmup_epochs = 3", "leave nothing of schedule.epochs 2"),
        ('base = "large"', "base is 'large': give one of small, finetune, paper"),
        ("[variants.m9]\nbatch_size = 3", "variants.m9: give one of m0"),
        ("[variants.m1]\nbatch = 3", "variants.m1: unknown key batch"),
        ("variants = 3", "give a table for each"),
        ("lr = ", "is not valid TOML"),
        ('optimizer = "sgd"', "optimizer: expected object, got str"),
        ('[optimizer]\nname = "lion"', "optimizer.name: invalid enum value 'lion'"),
    ],
)
def test_a_bad_file_is_one_line(own, refusal, text, said):
    assert said in refusal(SettingsError, read_recipe, own(text), "m1")


def test_unknown_names_and_missing_files_are_refused(refusal):
    assert "choose small, finetune, paper" in refusal(SettingsError, read_recipe, "smal", "m0")
    assert "does not exist" in refusal(SettingsError, read_recipe, "no/such.toml", "m0")


def test_settings_replace_values():
    recipe = with_settings(
        read_recipe("finetune", "m0"), TrainSettings(epochs=6, batch_size=8, lr=0.3, input_size=64)
    )
    assert (recipe.schedule.epochs, recipe.batch_size, recipe.input_size) == (6, 8, 64)
    assert (recipe.optimizer.lr, recipe.optimizer.lr_batch_size) == (0.3, 8)
    assert recipe.schedule.warmup_epochs < 1
    assert recipe.schedule.head_epochs == 0


@pytest.mark.parametrize("settings", [{"epochs": 0}, {"batch_size": 1}, {"lr": 0.0}, {"input_size": 0}])
def test_settings_out_of_range_are_refused(refusal, settings):
    refusal(SettingsError, with_settings, read_recipe("small", "m0"), TrainSettings(**settings))
