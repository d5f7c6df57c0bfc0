"""Images in other light: brighter where there is room, the same where there is none."""

import pytest
import torch

from micronet_edge.preprocessing import Preprocessing
from micronet_edge.quantization.light_variants import light_variants, with_gain

PREPROCESSING = Preprocessing.imagenet(32)
MEAN, STD = (torch.tensor(each).view(1, 3, 1, 1) for each in (PREPROCESSING.mean, PREPROCESSING.std))


def preprocessed(pixels):
    return (pixels - MEAN) / STD


@pytest.fixture
def pixels():
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("light", [0.7, 0.45, 0.2])
def test_dark_images_come_out_as_bright_as_the_light_ones(pixels, light):
    found = light_variants(preprocessed(light * pixels), PREPROCESSING) * STD + MEAN
    torch.testing.assert_close(found, (pixels / 0.995).clamp(max=1.0), atol=0.01, rtol=0)


def test_images_with_white_in_them_stay(pixels):
    white = pixels.clone()
    white[:, :, :4] = 1.0
    given = preprocessed(white)
    torch.testing.assert_close(light_variants(given, PREPROCESSING), given, atol=1e-5, rtol=0)


def test_black_images_do_not_become_noise(pixels):
    found = light_variants(preprocessed(1e-3 * pixels), PREPROCESSING) * STD + MEAN
    assert found.max() <= 0.0081


def test_more_than_white_is_white(pixels):
    found = with_gain(preprocessed(pixels), PREPROCESSING, 2.0) * STD + MEAN
    torch.testing.assert_close(found, (2 * pixels).clamp(max=1), atol=1e-5, rtol=0)
