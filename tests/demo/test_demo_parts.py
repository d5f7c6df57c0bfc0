"""The parts of the demo: its digits are the example's, answers that differ end it, every round is timed."""

from pathlib import Path

import numpy as np
import pytest
from cli.command import shared
from example_images import digits as example

from micronet_edge.cli.demo_tables import half_blocks
from micronet_edge.data.preprocessing import open_image
from micronet_edge.demo.digits import checkpoint, digits, pixels, write_images
from micronet_edge.demo.run import ROUNDS, Contender, check_agreement, latencies_ms
from micronet_edge.errors import VerificationError

RUNTIMES = ("PyTorch", "ONNX Runtime", "LiteRT")


def test_the_sheet_holds_the_test_images_of_the_example(tmp_path_factory, tmp_path):
    paths = example.image_paths("test", shared(tmp_path_factory, "digit-images", example.write_images))
    shown = digits()
    assert [digit.name for digit in shown] == [f"{path.parent.name}/{path.stem}" for path in paths]
    for digit, path in zip(shown, paths, strict=True):
        assert np.array_equal(pixels(digit), np.asarray(open_image(path).convert("L")))
        assert digit.label == path.parent.name
    write_images(tmp_path)
    assert np.array_equal(np.asarray(open_image(tmp_path / "7" / "0081.png").convert("L")).shape, (8, 8))


def test_a_checkout_has_its_checkpoint_among_the_examples():
    assert checkpoint().name == "m0-digits.safetensors"


def contenders(*answers):
    images = np.zeros((2, 3, 8, 8), "float32")
    return tuple(
        Contender(name, Path(name), images, len, np.array(list(given)))
        for name, given in zip(RUNTIMES, answers, strict=True)
    )


def test_a_runtime_that_reads_otherwise_ends_the_demo(refusal):
    check_agreement(contenders("71", "71", "71"))
    message = refusal(VerificationError, check_agreement, contenders("71", "71", "77"))
    assert message.startswith("LiteRT classifies 1 of 2 images differently from PyTorch")


def test_a_picture_keeps_the_digit_upright():
    grey = np.zeros((8, 8), np.uint8)
    grey[0, 0] = grey[1, 7] = grey[6, 2] = grey[7, 2] = 255
    assert half_blocks(grey).splitlines() == ["▀      ▄", " " * 8, " " * 8, "  █     "]


def test_every_runtime_is_timed_on_every_round():
    asked = []
    timed = contenders("71", "71", "71")
    for place, contender in enumerate(timed):
        object.__setattr__(contender, "run", lambda images, place=place: asked.append((place, images.shape)))
    taken = latencies_ms(timed)
    assert taken.shape == (ROUNDS, 3)
    assert (taken > 0).all()
    assert asked[:6] == [(place, (1, 3, 8, 8)) for place in (0, 1, 2, 2, 1, 0)]


@pytest.mark.parametrize("name", ["digits.png", "digits.json"])
def test_what_it_carries_is_small(name):
    assert Path(checkpoint().parents[2], "src", "micronet_edge", "demo", name).stat().st_size < 20_000
