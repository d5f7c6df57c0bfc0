"""Splits calibration images in two: ranges are found on one part, files are proven on the other."""

from dataclasses import dataclass, replace

import numpy as np

from micronet_edge.data.image_folders import CalibrationImages, LabelledImages
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.signature import Sample, Samples

KEPT_OUT = 8
"""One image in KEPT_OUT is held out for the proof."""

ENOUGH = 64
"""Number of calibration images from which some are held out; fewer serve for both."""

_MOST_READ = 64
_UNLIKE_MEAN, _UNLIKE_SPREAD = 0.1, 1.5


@dataclass(frozen=True, slots=True)
class QuantizationImages:
    """Images to find ranges on, and images to prove files on; for other networks, samples of their inputs.

    `proven_on` holds an array for each input. `judged` says whether the latter are like
    those the network will see, so that files must be close to
    float on them; the bundled photographs are not.
    """

    found_on: CalibrationImages
    proven_on: Samples
    judged: bool = True


def parted(calibration: CalibrationImages) -> QuantizationImages:
    """Splits the images in two parts if there are enough."""
    if calibration.count < ENOUGH:
        return QuantizationImages(calibration, calibration.inputs)
    kept_out = np.arange(calibration.count) % KEPT_OUT == KEPT_OUT // 2
    images, *others = (each[~kept_out] for each in calibration.inputs)
    found_on = replace(calibration, images=images, others=tuple(others))
    return QuantizationImages(found_on, tuple(each[kept_out] for each in calibration.inputs))


def evenly(images: Sample, most: int) -> Sample:
    """At most `most` of the images or samples, evenly spaced."""
    chosen = np.linspace(0, len(images) - 1, min(len(images), most)).astype(int)
    return np.ascontiguousarray(images[chosen])


def bundled(preprocessing: Preprocessing) -> QuantizationImages:
    """The bundled photographs, for a recipe whose ranges come from other images."""
    images = preprocessing.batch(photographs())
    return QuantizationImages(
        CalibrationImages(images, "the bundled photographs", "", 0), (images,), judged=False
    )


def notes_on_few(images: QuantizationImages) -> tuple[str, ...]:
    """A note if none of the samples were held out for the proof."""
    count = images.found_on.count
    if len(images.proven_on[0]) < count:
        return ()
    return (
        (
            f"compared with float on the {count} calibration samples themselves, which may flatter the file: "
            f"from {ENOUGH} samples, one in {KEPT_OUT} is held out for that"
        ),
    )


def notes_on_likeness(
    calibration: CalibrationImages, data: LabelledImages, preprocessing: Preprocessing
) -> tuple[str, ...]:
    """A note if labelled images differ from the calibration images in brightness or contrast."""
    step = max(1, data.count // _MOST_READ)
    (mean, spread), (other_mean, other_spread) = (
        _light(images, preprocessing)
        for images in (calibration.images, preprocessing.batch(data.paths[::step][:_MOST_READ]))
    )
    ratio = max(spread, other_spread) / max(min(spread, other_spread), 1e-6)
    if abs(mean - other_mean) < _UNLIKE_MEAN and ratio < _UNLIKE_SPREAD:
        return ()
    return (
        (
            f"{calibration.source} is unlike {data.source}: mean brightness {mean:.2f} and {other_mean:.2f}, "
            f"contrast {spread:.2f} and {other_spread:.2f} (white is 1); calibrate on images like those the "
            "network will see"
        ),
    )


def _light(images: Sample, preprocessing: Preprocessing) -> tuple[float, float]:
    """The mean brightness and the mean contrast of images; 1 is white."""
    pixels = preprocessing.pixels(images)
    return float(pixels.mean()), float(pixels.std(axis=(1, 2, 3)).mean())
