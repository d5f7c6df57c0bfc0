"""The metadata of a finished file: its own, or for a file of another tool, what settings say."""

from dataclasses import dataclass, replace
from pathlib import Path

from micronet_edge.data.assumptions import (
    assumed_fields,
    assumption_line,
    given_preprocessing,
    takes_images,
)
from micronet_edge.data.labels import read_labels
from micronet_edge.data.metadata import UNKNOWN, FileMetadata
from micronet_edge.errors import ForeignFileError, SettingsError
from micronet_edge.settings import CheckpointSettings
from micronet_edge.targets.session_protocol import FileReader

_FIXED_IN_FILES = (
    *("input_size", "resize", "crop", "interpolation", "mean", "std", "color_order"),
    *("weights", "num_classes", "input_shapes", "outputs"),
)
"""Settings that an exported file fixes, so that no option may replace them."""

_NEEDED = {"input_size": "--input-size", "labels": "--labels", "mean": "--mean", "std": "--std"}
"""Settings that the user must give for a file of another tool."""


@dataclass(frozen=True, slots=True)
class Described:
    """The metadata of a network; `notes` and the `assumption`, if any, are for the user."""

    metadata: FileMetadata
    notes: tuple[str, ...] = ()
    assumption: str | None = None


def describe_file(path: Path, reader: FileReader, settings: CheckpointSettings) -> Described:
    """Finds the metadata of a file.

    Settings may replace the labels of an exported file but not its preprocessing, on which its weights
    depend. For a file of another tool the settings must give size, labels, mean and standard deviation.

    Raises TargetError or SettingsError on a file that is damaged or lacks metadata, and on settings that do
    not apply to it.
    """
    try:
        metadata = reader.read_metadata(path)
    except ForeignFileError:
        if all(getattr(settings, name) is None for name in _NEEDED):
            raise
        return _described_by_hand(path, settings)
    if given := [name for name in _FIXED_IN_FILES if getattr(settings, name) not in (None, ())]:
        options = ", ".join(_option(name) for name in given)
        raise SettingsError(
            f"{path} has a fixed preprocessing: leave {options} out, or export the checkpoint again with "
            f"other settings"
        )
    if settings.labels is not None:
        labels = read_labels(Path(settings.labels), len(metadata.labels))
        assumed = tuple(name for name in metadata.assumed if name != "labels")
        metadata = replace(metadata, labels=labels, assumed=assumed)
    return Described(metadata, assumption=assumption_line(metadata, str(path), exported=True))


def _described_by_hand(path: Path, settings: CheckpointSettings) -> Described:
    shaped = settings.input_shapes and takes_images(settings)
    given = {name: getattr(settings, name) is not None for name in _NEEDED} | (
        {"input_size": True} if shaped else {}
    )
    if missing := [option for name, option in _NEEDED.items() if not given[name]]:
        raise SettingsError(
            f"{path} was not written by this tool and does not state its preprocessing: give "
            f"{', '.join(missing)} as well"
        )
    if settings.weights is not None:
        raise SettingsError(f"{path} is not a checkpoint and holds one set of weights: leave --weights out")
    labels = read_labels(Path(str(settings.labels)))
    metadata = FileMetadata(
        variant=UNKNOWN,
        labels=labels,
        preprocessing=given_preprocessing(None, settings),
        checkpoint_sha256=None,
        precision=UNKNOWN,
        assumed=assumed_fields(None, settings),
    )
    note = f"{path} was not written by this tool: the options set its preprocessing and labels"
    return Described(metadata, (note,), assumption_line(metadata, str(path)))


def _option(name: str) -> str:
    return "--input-shape" if name == "input_shapes" else "--" + name.replace("_", "-")
