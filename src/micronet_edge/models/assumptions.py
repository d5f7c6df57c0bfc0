"""Fills in what a checkpoint does not state about images and labels, and reports the assumptions."""

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from micronet_edge.data.labels import are_numbers, read_labels
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Preprocessing, resize_for_crop
from micronet_edge.errors import SettingsError
from micronet_edge.models import check_input_size
from micronet_edge.settings import CheckpointSettings

LABELS = "labels"
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
    base = own or Preprocessing.imagenet()
    size = check_input_size(base.size if settings.input_size is None else settings.input_size)
    if settings.resize is not None:
        resize = settings.resize
    elif settings.crop is not None:
        resize = resize_for_crop(size, settings.crop)
    elif own is None:
        resize = Preprocessing.imagenet(size).resize
    else:
        resize = round(size * own.resize / own.size)
    given = {
        name: getattr(settings, name)
        for name in ("interpolation", "mean", "std", "color_order")
        if getattr(settings, name) is not None
    }
    return replace(base, size=size, resize=resize, **given)


def assumed_fields(own: Preprocessing | None, settings: CheckpointSettings) -> tuple[str, ...]:
    """The fields of the preprocessing that neither the checkpoint nor the user states."""
    if own is not None:
        return ()
    given = {
        "size": settings.input_size,
        "resize": settings.crop if settings.resize is None else settings.resize,
        "interpolation": settings.interpolation,
        "mean": settings.mean,
        "std": settings.std,
        "color_order": settings.color_order,
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
    return replace(settings, **dict.fromkeys((*_OF_IMAGES, LABELS)))


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
            return f"input {value} px"
        case "resize":
            return f"short side resized to {value} px"
        case "mean" | "std":
            return f"{'mean' if name == 'mean' else 'standard deviation'} {' '.join(f'{v:g}' for v in value)}"
        case "interpolation":
            return f"{value} interpolation"
        case _:
            return f"colours in the order {value}"
