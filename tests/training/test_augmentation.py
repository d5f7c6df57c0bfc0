"""A batch changes as the recipe says, and never in a way that it does not name."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.training.augment import Augmentation
from micronet_edge.training.recipe import AugmentationRecipe

PLAIN = Preprocessing(size=16, resize=16, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
ROUNDING = 1e-6
"""Relative error of a few operations in float32."""

EVERYTHING = AugmentationRecipe(
    mirror=True,
    turn_degrees=15,
    scale=0.1,
    shift=0.1,
    brightness=0.2,
    contrast=0.2,
    saturation=0.2,
    hue=0.05,
    erase=0.5,
    mixup=0.2,
)
ALONE = {
    "mirror": AugmentationRecipe(mirror=True),
    "turn": AugmentationRecipe(turn_degrees=15),
    "scale": AugmentationRecipe(scale=0.2),
    "shift": AugmentationRecipe(shift=0.2),
    "brightness": AugmentationRecipe(brightness=0.3),
    "contrast": AugmentationRecipe(contrast=0.3),
    "saturation": AugmentationRecipe(saturation=0.3),
    "hue": AugmentationRecipe(hue=0.1),
    "erase": AugmentationRecipe(erase=1.0),
    "mixup": AugmentationRecipe(mixup=0.4),
}


def batch(count=8, size=16, seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (count, 3, size, size), np.uint8)
    return torch.from_numpy(images), torch.arange(count) % 3


def changed(recipe, images=None, classes=None, preprocessing=PLAIN, seed=0):
    torch.manual_seed(seed)
    if images is None:
        images, classes = batch()
    return Augmentation(recipe, preprocessing)(images, classes, 3)


@pytest.mark.parametrize(
    "preprocessing", [Preprocessing(16, 16), Preprocessing(16, 16, color_order="BGR"), PLAIN]
)
def test_a_recipe_without_changes_normalizes_as_the_preprocessing_does(preprocessing):
    images, classes = batch()
    got, targets = changed(AugmentationRecipe(), images, classes, preprocessing)
    pixels = images.numpy().astype(np.float32) / 255
    ordered = pixels if preprocessing.color_order == "RGB" else pixels[:, ::-1]
    mean, std = (np.reshape(each, (3, 1, 1)) for each in (preprocessing.mean, preprocessing.std))
    assert np.allclose(got, (ordered - mean) / std, rtol=ROUNDING, atol=ROUNDING)
    assert targets is classes


@pytest.mark.parametrize("name", ALONE)
def test_each_change_changes_pixels_and_repeats_with_its_seed(name):
    one, same, other = (changed(ALONE[name], seed=seed)[0] for seed in (1, 1, 2))
    before = changed(AugmentationRecipe())[0]
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert not torch.equal(one, before)
    assert one.dtype == torch.float32
    assert one.min() >= 0
    assert one.max() <= 1


def test_everything_at_once_repeats_with_its_seed():
    one, same = (changed(EVERYTHING, seed=5) for _ in range(2))
    assert all(torch.equal(left, right) for left, right in zip(one, same, strict=True))


def test_images_change_each_in_its_own_way():
    images, classes = batch(1)
    for name in set(ALONE) - {"mixup", "mirror"}:
        got, _ = changed(ALONE[name], images.repeat(6, 1, 1, 1), classes.repeat(6))
        assert len({image.numpy().tobytes() for image in got}) == 6, name


@given(st.integers(0, 1000))
def test_half_of_the_images_are_mirrored_and_none_if_the_recipe_says_no(seed):
    images, classes = batch(64, 4)
    plain, _ = changed(AugmentationRecipe(), images, classes)
    got, _ = changed(AugmentationRecipe(mirror=True), images, classes, seed=seed)
    kept = torch.tensor([torch.equal(one, other) for one, other in zip(got, plain, strict=True)])
    turned = torch.tensor([torch.equal(one, other.flip(2)) for one, other in zip(got, plain, strict=True)])
    assert (kept ^ turned).all()
    assert 12 <= turned.sum() <= 52  # beyond 5 standard deviations


@given(st.integers(0, 1000))
def test_a_light_on_the_left_stays_on_the_left_without_a_mirror(seed):
    images = torch.zeros(16, 3, 32, 32, dtype=torch.uint8)
    images[:, :, 12:20, 4:8] = 255
    recipe = AugmentationRecipe(turn_degrees=15, scale=0.1, shift=0.05, brightness=0.2, contrast=0.2)
    got, _ = changed(recipe, images, torch.zeros(16, dtype=torch.long), seed=seed)
    assert (got[..., :16].sum((1, 2, 3)) > got[..., 16:].sum((1, 2, 3))).all()


def test_what_a_turn_uncovers_is_black_before_normalization():
    images = torch.full((4, 3, 32, 32), 200, dtype=torch.uint8)
    got, _ = changed(AugmentationRecipe(turn_degrees=15), images, torch.zeros(4, dtype=torch.long))
    assert got[:, :, 0, 0].min() == 0
    assert torch.allclose(got[:, :, 12:20, 12:20], torch.tensor(200 / 255))


@given(st.floats(0.05, 2.0), st.integers(0, 1000))
def test_mixup_mixes_pixels_and_targets_by_the_same_share(parameter, seed):
    classes = torch.arange(6) % 3
    images = (classes * 100).to(torch.uint8).reshape(6, 1, 1, 1).expand(6, 3, 4, 4)
    got, targets = changed(AugmentationRecipe(mixup=parameter), images, classes, seed=seed)
    assert targets.shape == (6, 3)
    assert torch.allclose(targets.sum(1), torch.ones(6))
    expected = targets @ torch.tensor([0.0, 100.0, 200.0]) / 255
    assert torch.allclose(got[:, 0, 0, 0], expected, atol=1e-5)
