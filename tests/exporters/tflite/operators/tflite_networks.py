"""Small networks around a layer: exported, quantized, and opened again."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from PIL import Image
from torch import nn

import micronet_edge
from micronet_edge import ExportSettings, FileMetadata, Preprocessing, QuantizeSettings

SIZE, LABELS = 40, tuple("abcdefg")
METADATA = FileMetadata("small", LABELS, Preprocessing(SIZE, SIZE + 8))
ENOUGH_IMAGES = 32


def around(layer):
    """A classifier that has the layer behind a convolution."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1), layer, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, len(LABELS))
    )


def calibration_images(folder):
    generator = np.random.default_rng(0)
    for number in range(ENOUGH_IMAGES):
        coarse = generator.integers(0, 256, (6, 6, 3)).astype(np.uint8)
        Image.fromarray(coarse).resize((SIZE, SIZE)).save(folder / f"{number}.png")
    return folder


def exported(network, folder, precision="float32"):
    settings = ExportSettings(output=folder, formats=("tflite",), precision=precision)
    (file,) = micronet_edge.export(network, metadata=METADATA, settings=settings)
    return file


def quantized(network, folder, calibration, precision):
    settings = QuantizeSettings(
        output=folder, formats=("tflite",), calibration=calibration, precision=precision
    )
    (file,) = micronet_edge.quantize(network, metadata=METADATA, settings=settings).files
    return file


def is_ours(path):
    """Whether our own writer wrote the file, and no converter."""
    return schema.Model.GetRootAs(path.read_bytes()).Description() == b"micronet-edge"
