"""The trained example, quantized: what tests of integer networks and files share."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import torch
from cli.command import DIGITS, shared
from example_images import digits

from micronet_edge.data.image_folders import CalibrationImages
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.lowering import INTEGER, lower
from micronet_edge.models import load_checkpoint
from micronet_edge.pipeline.quantized_graphs import corrected_forms
from micronet_edge.quantization.quantize_network import (
    calibrated_recipe,
    corrected_biases,
    quantized_by,
    with_tensors,
)
from micronet_edge.targets.registry import find_target
from micronet_edge.util.threads import one_thread

CALIBRATED_ON, TESTED_ON = 48, 100


def image_folder(tmp_path_factory):
    """The folder of all digits, written once for all workers."""
    return shared(tmp_path_factory, "digit-images", digits.write_images)


@cache
def decomposed_digits():
    """The checkpoint, and its network decomposed."""
    loaded = load_checkpoint(DIGITS)
    return loaded, lower(loaded.network, INTEGER, loaded.preprocessing.size).network


def evenly(items, count):
    return [items[place * len(items) // count] for place in range(count)]


@cache
def quantized_digits(folder, precision):
    """The network quantized on training images, with what it was made from and images to test it on.

    `quantized` is the network that all targets have in common, `forms` what each writes of it.
    """
    loaded, network = decomposed_digits()
    train, test = (digits.image_paths(part, folder) for part in ("train", "test"))
    images = loaded.preprocessing.batch(evenly(train, CALIBRATED_ON))
    tested = evenly(test, TESTED_ON)
    metadata = FileMetadata(
        loaded.variant, loaded.labels, loaded.preprocessing, loaded.sha256, precision=precision
    )
    given = torch.from_numpy(images)
    targets = [find_target(name) for name in ("onnx", "tflite")]
    with one_thread():
        recipe = calibrated_recipe(
            network, CalibrationImages(images, "train", "0" * 64, 0), metadata, precision
        )
        plain = quantized_by(recipe, network, metadata)
        corrected = with_tensors(network, corrected_biases(plain, given))
        formed = corrected_forms(recipe, network, metadata, targets, given)
    return SimpleNamespace(
        network=network,
        metadata=metadata,
        recipe=formed.recipe,
        quantized=replace(plain, network=corrected),
        forms=formed.forms,
        calibration=images,
        images=loaded.preprocessing.batch(tested),
        truth=[digits.image_label(path) for path in tested],
    )
