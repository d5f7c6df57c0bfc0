"""One activation between two convolutions, as a file of each format with and without the fused kernels."""

from dataclasses import replace

import numpy as np
import torch
from lowering.networks import lively, shift_max, stem
from torch import nn

from micronet_edge.data.image_folders import CalibrationImages
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.lowering import INTEGER, lower
from micronet_edge.quantization.quantize_network import calibrated_recipe, quantized_by
from micronet_edge.targets.protocol import ExportSpec
from micronet_edge.targets.registry import find_target


def network(channels=12, groups=4, shifts=2, fusions=2, behind=()):
    layers = stem(channels), shift_max(channels, groups, shifts, fusions), *behind
    return lively(nn.Sequential(*layers)).eval()


def images(count, size, seed=0):
    return np.random.default_rng(seed).standard_normal((count, 3, size, size)).astype(np.float32)


def write_float(module, name, folder, *, size=8, batch=1, fused=False):
    """The module as a float file of the target of that name."""
    target, spec = find_target(name), replace(_spec(size, batch), fused=fused)
    path = folder / f"float{target.suffix}"
    target.export(lower(module, target.pipeline(spec), size).network, spec, path)
    return path


def write_int8(module, name, folder, *, size=8, batch=1):
    return written_int8(module, name, folder, size=size, batch=batch)[0]


def written_int8(module, name, folder, *, size=8, batch=1):
    """The file, and the quantized network that it holds."""
    target, spec = find_target(name), _spec(size, batch, "int8")
    path = folder / f"int8{target.suffix}"
    decomposed = lower(module, INTEGER, size).network
    given = CalibrationImages(images(64, size, seed=1), "noise", "0" * 64, 0)
    recipe = calibrated_recipe(decomposed, given, spec.metadata, "int8")
    form = target.quantized_graph(quantized_by(recipe, decomposed, spec.metadata))
    target.quantize(form, spec, path)
    return path, form


def _spec(size, batch, precision="float32"):
    metadata = FileMetadata("m0", ("a",), Preprocessing.imagenet(size), None, precision=precision)
    return ExportSpec(size, batch, naive=False, portable=False, metadata=metadata, precision=precision)


def maps(session, given):
    """What a session gives for the images, image by image as rows of numbers."""
    return session.run(given).reshape(len(given), -1)


def in_pytorch(module, given):
    with torch.no_grad():
        return module(torch.from_numpy(given)).numpy().reshape(len(given), -1)
