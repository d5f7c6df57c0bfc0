"""Fills in what a checkpoint does not state about images and labels, and reports the assumptions."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from micronet_edge.data.labels import are_numbers, read_labels
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import (
    GRAY,
    IMAGENET_GRAY_MEAN,
    IMAGENET_GRAY_STD,
    RGB,
    Preprocessing,
    resize_for_crop,
)
from micronet_edge.errors import SettingsError
from micronet_edge.settings import CheckpointSettings
from micronet_edge.util.limits import check_input_size
from micronet_edge.util.text import plural

LABELS = "labels"
NO_IMAGE = "NONE"
"""The colour order of what is no image."""

_MAP_AXES, _IMAGE_CHANNELS = 3, (1, 3)
_OPTIONS = {
    "size": "--input-size",
    "resize": "--resize",
    "interpolation": "--interpolation",
    "mean": "--mean",
    "std": "--std",
    "color_order": "--color-order",
    LABELS: "--labels",
}

_OF_IMAGES = ("input_size", "resize", "crop", "interpolation", "mean", "std", "color_order")
"""The settings that replace a preprocessing."""


def given_preprocessing(own: Preprocessing | None, settings: CheckpointSettings) -> Preprocessing:
    """The preprocessing: from the settings, else from the checkpoint, else ImageNet's.

    Raises SettingsError on settings that contradict each other or are out of range.
    """
    if settings.resize is not None and settings.crop is not None:
        raise SettingsError("--resize and --crop both set the short side: give one of them")
    if not takes_images(settings):
        return _no_images(settings)
    base = own or Preprocessing.imagenet()
    size, width = _sides(base, settings)
    if settings.resize is not None:
        resize = settings.resize
    elif settings.crop is not None:
        resize = resize_for_crop(size, settings.crop)
    elif own is None:
        resize = Preprocessing.imagenet(size).resize
    else:
        resize = round(size * own.resize / own.size)
    order = _color_order(base, settings)
    mean, std, interpolation = settings.mean, settings.std, settings.interpolation or base.interpolation
    if order == GRAY:
        was = base.color_order == GRAY
        mean = _one(mean) or (base.mean if was else IMAGENET_GRAY_MEAN)
        std = _one(std) or (base.std if was else IMAGENET_GRAY_STD)
    return Preprocessing(size, resize, mean or base.mean, std or base.std, order, interpolation, width)


def _one(values: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """One number for grey, where all colours have the same."""
    return values[:1] if values is not None and len(set(values)) == 1 else values


def takes_images(settings: CheckpointSettings) -> bool:
    """Whether the only input is an image: [1 or 3, height, width] that no setting calls otherwise."""
    shapes = shapes_in(settings)
    if settings.color_order == NO_IMAGE or not shapes:
        return settings.color_order != NO_IMAGE
    return len(shapes) == 1 and len(shapes[0]) == _MAP_AXES and shapes[0][0] in _IMAGE_CHANNELS


def shapes_in(settings: CheckpointSettings) -> tuple[tuple[int, ...], ...]:
    """The shapes of the inputs that the settings give, without their names."""
    shapes = settings.input_shapes
    return tuple(shapes.values()) if isinstance(shapes, Mapping) else tuple(shapes)


def _no_images(settings: CheckpointSettings) -> Preprocessing:
    """The preprocessing of a network that takes none: a placeholder.

    Raises SettingsError on settings that only images have.
    """
    if not shapes_in(settings):
        raise SettingsError("--color-order none is for an input that is no image: give --input-shape as well")
    names = ("input_size", "resize", "crop", "interpolation", "mean", "std")
    if given := [name for name in names if getattr(settings, name) is not None]:
        options = ", ".join("--" + name.replace("_", "-") for name in given)
        raise SettingsError(f"{options}: for images only, and the network takes arrays: leave it out")
    return Preprocessing(size=1, resize=1)


def _sides(base: Preprocessing, settings: CheckpointSettings) -> tuple[int, int | None]:
    """Height and width of the image; the width is None of a square one."""
    if settings.input_shapes and settings.input_size is not None:
        raise SettingsError("--input-size and --input-shape both set the image's size: give one of them")
    if not settings.input_shapes:
        size = base.size if settings.input_size is None else settings.input_size
        return check_input_size(size), base.width if settings.input_size is None else None
    (_, height, width), *_ = shapes_in(settings)
    check_input_size(min(height, width))
    check_input_size(max(height, width))
    return height, None if width == height else width


def _color_order(base: Preprocessing, settings: CheckpointSettings) -> str:
    """RGB, BGR or GRAY, as the settings or the channels of the image say.

    Raises SettingsError if the two contradict each other.
    """
    if not settings.input_shapes:
        return settings.color_order or base.color_order
    ((channels, *_), *_) = shapes_in(settings)
    of_channels = GRAY if channels == 1 else base.color_order if base.color_order != GRAY else RGB
    order = settings.color_order or of_channels
    if (order == GRAY) != (of_channels == GRAY):
        said = f"--color-order {settings.color_order} and --input-shape with {plural(channels, 'channel')}"
        raise SettingsError(f"{said} contradict each other: leave --color-order out")
    return order


def assumed_fields(own: Preprocessing | None, settings: CheckpointSettings) -> tuple[str, ...]:
    """The fields of the preprocessing that neither the checkpoint nor the user states."""
    if own is not None or not takes_images(settings):
        return ()
    given = {
        "size": settings.input_size or settings.input_shapes or None,
        "resize": settings.crop if settings.resize is None else settings.resize,
        "interpolation": settings.interpolation,
        "mean": settings.mean,
        "std": settings.std,
        "color_order": GRAY if _color_order(Preprocessing(), settings) == GRAY else settings.color_order,
    }
    return tuple(name for name, value in given.items() if value is None)


def with_settings(stored: FileMetadata, settings: CheckpointSettings) -> FileMetadata:
    """The metadata of a checkpoint, with what the user states instead.

    Raises SettingsError as `given_preprocessing` does, and on labels of another number.
    """
    open_fields = assumed_fields(None, settings)
    labels, assumed = stored.labels, tuple(name for name in stored.assumed if name in open_fields)
    if settings.labels is not None:
        labels = read_labels(Path(settings.labels), len(stored.labels))
    elif stored.labels_assumed:
        assumed = (*assumed, LABELS)
    preprocessing = stored.preprocessing
    if any(getattr(settings, name) is not None for name in _OF_IMAGES):
        preprocessing = given_preprocessing(preprocessing, settings)
    return replace(stored, labels=labels, preprocessing=preprocessing, assumed=assumed)


def without_description(settings: CheckpointSettings) -> CheckpointSettings:
    """The settings without those that `with_settings` reads."""
    cleared: dict[str, Any] = dict.fromkeys((*_OF_IMAGES, LABELS))
    return replace(settings, **cleared)


def describe_changes(own: Preprocessing | None, taken: Preprocessing) -> str | None:
    """Where the user's settings replace what a checkpoint states; None if nowhere."""
    if own is None or own == taken:
        return None
    changed = [each.name for each in fields(own) if getattr(own, each.name) != getattr(taken, each.name)]
    return "; ".join(f"{_value(name, taken)} instead of {_value(name, own)}" for name in changed)


def describe_assumptions(metadata: FileMetadata) -> tuple[str, ...]:
    """Each assumption about a network, with the assumed value."""
    return tuple(
        _labels(metadata.labels) if name == LABELS else _value(name, metadata.preprocessing)
        for name in metadata.assumed
        if name in _OPTIONS
    )


def options_for(assumed: Sequence[str]) -> str:
    """The options that set what was assumed."""
    return ", ".join(_OPTIONS[name] for name in assumed if name in _OPTIONS)


def assumption_line(metadata: FileMetadata, source: str, *, exported: bool = False) -> str | None:
    """Reports the assumptions and what to do, in one line; None if there are none.

    Given    whether the source is a file that was `exported` on these assumptions
    """
    words = describe_assumptions(metadata)
    if not words:
        return None
    known = "was exported on assumptions" if exported else "does not state how it was trained"
    advice = "export it again with" if exported else "give"
    return (
        f"{source} {known}. Assumed, as in the released networks: {', '.join(words)}. If it was trained "
        f"otherwise, its predictions are wrong: {advice} {options_for(metadata.assumed)}"
    )


def _labels(labels: Sequence[str]) -> str:
    return f"labels '{labels[0]}' to '{labels[-1]}'" if are_numbers(labels) else f"{len(labels)} labels"


def _value(name: str, preprocessing: Preprocessing) -> str:
    value = getattr(preprocessing, name)
    match name:
        case "size":
            _, height, width = preprocessing.shape
            return f"input {height} px" if width == height else f"input {height} x {width} px"
        case "width":
            return f"input {preprocessing.shape[2]} px wide"
        case "resize":
            return f"short side resized to {value} px"
        case "mean" | "std":
            return f"{'mean' if name == 'mean' else 'standard deviation'} {' '.join(f'{v:g}' for v in value)}"
        case "interpolation":
            return f"{value} interpolation"
        case _:
            return "grey images" if value == GRAY else f"colours in the order {value}"
