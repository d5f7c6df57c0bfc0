"""Calibration images for integer files with random weights."""

from pathlib import Path

import numpy as np

from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import open_image

CROPS, CROP_SIZE, SEED = 64, 256, 0


def write_crops(path: Path) -> Path:
    """Writes crops of the bundled photographs, to calibrate integer files with random weights on."""
    random = np.random.default_rng(SEED)
    pictures = [np.asarray(open_image(name).convert("RGB")) for name in photographs()]
    crops = []
    for number in range(CROPS):
        picture = pictures[number % len(pictures)]
        top, left = (random.integers(length - CROP_SIZE + 1) for length in picture.shape[:2])
        crops.append(picture[top : top + CROP_SIZE, left : left + CROP_SIZE])
    np.save(path, np.stack(crops))
    return path
