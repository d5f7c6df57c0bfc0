"""Counts a variant, a checkpoint, a user's network or a file of any target."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from micronet_edge.counting.count import Count
from micronet_edge.counting.figures import Figures
from micronet_edge.counting.memory import METHOD
from micronet_edge.counting.network import count
from micronet_edge.data.assumptions import given_preprocessing
from micronet_edge.data.image_files import is_folder
from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.photographs import photographs
from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.data.samples import default_samples
from micronet_edge.errors import MicronetEdgeError, SettingsError
from micronet_edge.evaluation.networks import CHECKPOINT_SUFFIXES, describe_network, is_checkpoint
from micronet_edge.models import FAMILY, MicroNet, load_checkpoint
from micronet_edge.models.own_networks import Own, called, described, own_network, ready
from micronet_edge.models.quiet_layers import notes_on_quiet_layers
from micronet_edge.models.source import Given, check_micronet_shapes
from micronet_edge.settings import CheckpointSettings, InputShapes
from micronet_edge.targets.isolated_targets import given_target

VARIANT, CHECKPOINT, NETWORK = "variant", "checkpoint", "network"


@dataclass(frozen=True, slots=True)
class SourceCount:
    """What was counted, and what one inference of it costs.

    `kind` is variant, checkpoint, network (a user's own) or the name of a file's target. `network` counts the
    network as trained, to compare a file with; None if the file does not say what it was made from.
    """

    source: str
    kind: str
    count: Count
    network: Count | None = None

    def summary(self, *, per_layer: bool = False) -> Mapping[str, object]:
        """Plain values for JSON: integers, and None for what is unknown."""
        peak = self.count.peak
        found: dict[str, object] = {
            "source": self.source,
            "kind": self.kind,
            "images": self.count.images,
            **_values(self.count.total, shift_max_known=self.count.shift_max_known),
            "peak_activation_at": None if peak is None else peak.name,
            "peak_activation_method": METHOD,
            "uncounted": dict(self.count.uncounted),
            "notes": list(self.count.notes),
            "network": None
            if self.network is None
            else _values(self.network.total, shift_max_known=self.network.shift_max_known),
        }
        if per_layer:
            found["layers"] = [
                {"layer": layer, **_values(figures, shift_max_known=self.count.shift_max_known)}
                for layer, figures in self.count.layers.items()
            ]
        return found


def count_source(source: Given, input_size: int | None = None, input_shapes: InputShapes = ()) -> SourceCount:
    """Counts one inference of a variant, a checkpoint, a user's network or an exported file.

    Args:
        source: a variant's name, a path, a factory or a module.
        input_size: side of its images in pixels. None means 224 for a variant or a user's network, and the
            preprocessing's size for a checkpoint; a file has its own.
        input_shapes: shapes of its inputs, as in the settings.

    Raises:
        MicronetEdgeError: the source cannot be counted.
    """
    settings = CheckpointSettings(input_size=input_size, input_shapes=input_shapes)
    own = own_network(source)
    if own is not None:
        return SourceCount(called(own), NETWORK, _count_own(own, settings))
    assert isinstance(source, str | Path)  # everything else is a user's network
    name, path = str(source), Path(source)
    check_micronet_shapes(name, settings)
    if name in FAMILY:
        return SourceCount(name, VARIANT, count(MicroNet(name), _image(given_preprocessing(None, settings))))
    if not os.path.lexists(path) and not path.suffix:
        raise SettingsError(
            f"{name} is neither a variant ({', '.join(FAMILY)}) nor an existing file: check the name"
        )
    if is_folder(path):
        raise SettingsError(f"{name} is a folder: give one file")
    if is_checkpoint(path):
        return SourceCount(name, CHECKPOINT, _count_checkpoint(path, settings))
    target = given_target(path, f", or a checkpoint: {', '.join(CHECKPOINT_SUFFIXES)}")
    if input_size is not None or input_shapes:
        option = "--input-size" if input_size is not None else "--input-shape"
        raise SettingsError(f"{name} has a fixed input size: leave {option} out")
    return SourceCount(name, target.name, target.count(path), _network_of(path))


def _image(preprocessing: Preprocessing) -> tuple[Tensor, ...]:
    """An image of zeros of the right shape."""
    return (torch.zeros(1, *preprocessing.shape),)


def _count_own(own: Own, settings: CheckpointSettings) -> Count:
    found = described(own, ready(own), settings, None)  # raises with the reason if the network cannot run
    samples = default_samples(found.metadata)
    counted = count(found.network, tuple(torch.from_numpy(each[:1]) for each in samples.inputs))
    if not found.metadata.takes_images:
        return counted
    notes = notes_on_quiet_layers(found.network, samples.inputs[0], "the bundled photographs")
    return replace(counted, notes=(*counted.notes, *notes))


def _count_checkpoint(path: Path, settings: CheckpointSettings) -> Count:
    loaded = load_checkpoint(path)
    preprocessing = given_preprocessing(loaded.preprocessing, settings)
    counted = count(loaded.network, _image(preprocessing))
    images = preprocessing.batch(photographs())
    notes = notes_on_quiet_layers(loaded.network, images, "the bundled photographs")
    if settings.input_size is None and not settings.input_shapes and loaded.preprocessing is None:
        assumed = (
            f"{path} does not state its input size: counted at {preprocessing.size} px; --input-size counts "
            "at another"
        )
        notes = (assumed, *notes)
    return replace(counted, notes=(*counted.notes, *notes))


def _network_of(path: Path) -> Count | None:
    """The count of the network as trained that a file of ours was made from."""
    metadata: FileMetadata | None = None
    with suppress(MicronetEdgeError):
        metadata = describe_network(path).metadata
    if metadata is None or metadata.variant not in FAMILY or metadata.signature is not None:
        return None
    return count(MicroNet(metadata.variant, len(metadata.labels)), _image(metadata.preprocessing))


def _values(figures: Figures, *, shift_max_known: bool) -> dict[str, int | None]:
    values: dict[str, int | None] = asdict(figures)
    peak = values.pop("activation_bytes")
    values |= {"conv_linear_madds": figures.conv_linear_madds, "paper_madds": figures.paper_madds}
    if not shift_max_known:
        values |= {"shift_max_madds": None, "paper_madds": None}
    return values | {"peak_activation_bytes": peak}
