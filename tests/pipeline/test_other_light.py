"""A quantization that does not hold in other light is found out, and one that does is left alone."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from quantized_digits import decomposed_digits, image_folder, quantized_digits
from torch import nn

from micronet_edge.data.image_folders import CalibrationImages
from micronet_edge.data.light_variants import VIEWS, with_gain
from micronet_edge.data.unseen_images import QuantizationImages
from micronet_edge.lowering.ir.graph import calls
from micronet_edge.pipeline.other_light import MANY_VALUES, notes_on_light, with_utilisation
from micronet_edge.pipeline.quantized_graphs import corrected_forms, written_graph
from micronet_edge.quantization.calibrate import calibrate
from micronet_edge.quantization.quantize_network import image_range
from micronet_edge.targets.protocol import ExportSpec
from micronet_edge.targets.registry import find_target
from micronet_edge.verification.prove import FileToProve, compare


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return quantized_digits(image_folder(tmp_path_factory), "int8")


@pytest.fixture(scope="module")
def unseen(digits):
    """Images to prove files on, as `quantize` hands them on."""
    images = digits.images
    return QuantizationImages(CalibrationImages(images, "test", "0" * 64, 0), (images,))


@pytest.fixture(scope="module")
def dark(digits):
    """The recipe with the ranges of dark images alone, as these are."""
    preprocessing = digits.metadata.preprocessing
    images = with_gain(torch.from_numpy(digits.calibration), preprocessing, 0.4)
    ranges = calibrate(digits.network, images, 99.99, image_range(digits.metadata))
    return replace(digits.recipe, ranges=ranges), images


@pytest.fixture(scope="module")
def network():
    loaded, _ = decomposed_digits()
    return loaded.network


def noted(recipe, digits, images):
    return with_utilisation(recipe, digits.network, digits.metadata, images)


def test_ranges_that_hold_are_told_in_numbers_and_nothing_else(digits, unseen):
    recipe, notes = noted(digits.recipe, digits, unseen)
    assert notes == ()
    assert {name for name in recipe.range_utilisation if name not in recipe.ranges} == set()
    assert all(
        0 <= each[share] <= 1
        for each in recipe.range_utilisation.values()
        for share in ("clipped", "clipped_in_other_light", "used")
    )
    assert max(each["clipped"] for each in recipe.range_utilisation.values()) <= MANY_VALUES
    # Digits on grey are no digits to this network: what is cut off there is told, and no reason to warn.
    assert max(each["clipped_in_other_light"] for each in recipe.range_utilisation.values()) > MANY_VALUES


def test_ranges_of_dark_images_are_found_out_on_light_ones(digits, unseen, dark):
    recipe, notes = noted(dark[0], digits, unseen)
    (note,) = notes
    assert note.startswith("ranges clip ")
    assert note.endswith("give calibration images of every kind and in every light that the network will see")
    worst = max(
        recipe.range_utilisation, key=lambda name: recipe.range_utilisation[name]["clipped_in_other_light"]
    )
    assert recipe.range_utilisation[worst]["clipped_in_other_light"] > MANY_VALUES


def test_images_that_the_network_will_not_see_prove_nothing(digits, unseen, dark):
    assert noted(dark[0], digits, replace(unseen, judged=False)) == (dark[0], ())


def test_the_network_runs_once_for_each_view(digits, unseen):
    network, batches = copy.deepcopy(digits.network), []
    _, conv = next(calls(network, nn.Conv2d))
    conv.register_forward_hook(lambda *_: batches.append(1))
    with_utilisation(digits.recipe, network, digits.metadata, unseen)
    assert len(batches) == 1 + len(VIEWS)


@pytest.fixture(scope="module")
def lit_notes(digits, network, tmp_path_factory):
    """What is said of a file that is written from a recipe, and proven on images."""

    def call(recipe, images):
        target = find_target("tflite")
        form = written_graph(recipe, digits.network, digits.metadata, target)
        path = tmp_path_factory.mktemp("light") / "digits.tflite"
        size = digits.metadata.preprocessing.size
        spec = ExportSpec(
            size, batch=1, naive=False, portable=False, metadata=digits.metadata, precision="int8"
        )
        target.quantize(form, spec, path)
        file = FileToProve(path, target, digits.metadata)
        return notes_on_light(file, network, images, compare(file, network, (images,)))

    return call


def test_a_file_of_dark_images_depends_on_the_light(digits, dark, lit_notes):
    recipe, images = dark
    target = find_target("tflite")
    recipe = corrected_forms(recipe, digits.network, digits.metadata, [target], images).recipe
    notes = lit_notes(recipe, np.ascontiguousarray(images.numpy()))
    assert any("digits.tflite depends on the light: same class as float on" in note for note in notes)


def test_a_file_of_the_recipe_does_not(digits, lit_notes):
    assert lit_notes(digits.recipe, digits.images) == ()
