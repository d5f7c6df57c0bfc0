"""Images in other light: brighter where there is room, the same where there is none."""

import pytest
import torch

from micronet_edge.data.light_variants import (
    VIEWS,
    brightest,
    clearest,
    light_variants,
    with_contrast,
    with_gain,
)
from micronet_edge.data.preprocessing import Preprocessing

PREPROCESSING = Preprocessing.imagenet(32)
MEAN, STD = (torch.tensor(each).view(1, 3, 1, 1) for each in (PREPROCESSING.mean, PREPROCESSING.std))


def preprocessed(pixels):
    return (pixels - MEAN) / STD


@pytest.fixture
def pixels():
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("light", [0.7, 0.45, 0.2])
def test_dark_images_come_out_as_bright_as_the_light_ones(pixels, light):
    found = brightest(preprocessed(light * pixels), PREPROCESSING) * STD + MEAN
    torch.testing.assert_close(found, (pixels / 0.995).clamp(max=1.0), atol=0.01, rtol=0)


def test_images_with_white_in_them_stay(pixels):
    white = pixels.clone()
    white[:, :, :4] = 1.0
    given = preprocessed(white)
    torch.testing.assert_close(brightest(given, PREPROCESSING), given, atol=1e-5, rtol=0)


def test_black_images_do_not_become_noise(pixels):
    found = brightest(preprocessed(1e-3 * pixels), PREPROCESSING) * STD + MEAN
    assert found.max() <= 0.0081


def test_more_than_white_is_white(pixels):
    found = with_gain(preprocessed(pixels), PREPROCESSING, 2.0) * STD + MEAN
    torch.testing.assert_close(found, (2 * pixels).clamp(max=1), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("contrast", "lift"), [(1.0, 0.0), (0.5, 0.3), (0.3, 0.6)])
def test_images_in_a_haze_come_out_as_clear_as_those_without(pixels, contrast, lift):
    found = clearest(preprocessed(contrast * pixels + lift), PREPROCESSING) * STD + MEAN
    torch.testing.assert_close(found, ((pixels - 0.005) / 0.99).clamp(0, 1), atol=0.01, rtol=0)


def test_flat_images_do_not_become_noise(pixels):
    found = clearest(preprocessed(0.5 + 1e-3 * pixels), PREPROCESSING) * STD + MEAN
    assert found.max() <= 0.0081


def test_contrast_is_that_to_the_mean_of_each_image(pixels):
    given = 0.4 + 0.2 * pixels
    found = with_contrast(preprocessed(given), PREPROCESSING, 1.5) * STD + MEAN
    mean = given.mean((1, 2, 3), keepdim=True)
    torch.testing.assert_close(found, 1.5 * (given - mean) + mean, atol=1e-5, rtol=0)


def test_every_image_is_looked_at_in_three_ways(pixels):
    given = preprocessed(0.5 * pixels + 0.2)
    bright, clear, dark = light_variants(given, PREPROCESSING).chunk(3)
    torch.testing.assert_close(bright, brightest(given, PREPROCESSING))
    torch.testing.assert_close(clear, clearest(given, PREPROCESSING))
    torch.testing.assert_close(dark * STD + MEAN, 0.25 * pixels + 0.1, atol=1e-5, rtol=0)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_every_view_gives_images_between_black_and_white(pixels, view):
    given = preprocessed(0.6 * pixels + 0.1)
    found = view(given, PREPROCESSING)
    assert found.shape == given.shape
    assert not torch.allclose(found, given, atol=0.01)
    assert (found * STD + MEAN).min() >= -1e-5
    assert (found * STD + MEAN).max() <= 1 + 1e-5
