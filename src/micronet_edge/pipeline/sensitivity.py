"""Ranks the layers of a quantized file by the accuracy they lose on the user's images."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from micronet_edge.data.image_folders import SKIP_HINT, LabelledImages, read_labelled
from micronet_edge.data.metadata import FileMetadata, check_classifier
from micronet_edge.data.samples import read_calibration_of
from micronet_edge.errors import SettingsError
from micronet_edge.evaluation.networks import fused_activations, named, shown
from micronet_edge.models.source import Given
from micronet_edge.pipeline.prove_again import quantized_from
from micronet_edge.quantization.fuse_activations import with_fused_activations
from micronet_edge.quantization.sensitivity import Labelled, Progress, Sensitivity, analyze
from micronet_edge.settings import SensitivitySettings
from micronet_edge.targets.readers import read_metadata
from micronet_edge.verification.outputs import TOLERANCES

MOST_IMAGES = 1000
"""Enough images to rank the layers, in one or two minutes for the smallest network."""

_SEED = 0


@dataclass(frozen=True, slots=True)
class FileSensitivity:
    """The result for a file. `data` is None without labelled images.

    `fused` is the number of activations that the fused kernels compute; nothing is quantized inside them.
    `order` says which folder of the labelled images is which class.
    """

    path: Path
    metadata: FileMetadata
    checkpoint: Path
    calibration: str
    data: str | None
    analysis: Sensitivity
    fused: int
    notes: tuple[str, ...]
    order: str | None = None

    def summary(self) -> dict[str, object]:
        """Plain values for JSON, with the layers by sensitivity."""
        found = self.analysis
        return {
            "file": str(self.path),
            "variant": self.metadata.variant,
            "precision": self.metadata.precision,
            "checkpoint": str(self.checkpoint),
            "calibration": {"source": self.calibration, "images": found.calibration_images},
            "measured_on": {"source": self.data or self.calibration, "images": found.measured_images},
            "order": self.order,
            "top1_float": found.top1_float,
            "top1_quantized": found.top1_quantized,
            "agreement": found.agreement,
            "sqnr_db": found.sqnr_db,
            "layers": [asdict(row) for row in found.by_sensitivity],
            "fused_activations": self.fused,
            "notes": list(self.notes),
        }


def analyze_file(
    path: Path | str,
    network: Given,
    calibration: Path | str,
    settings: SensitivitySettings | None = None,
    progress: Progress = lambda _done, _total: None,
) -> FileSensitivity:
    """Analyzes every layer of the quantized network in a file.

    Args:
        path: an integer file with its recipe beside it.
        network: the checkpoint, factory or module it was made from.
        calibration: images or arrays like those it was calibrated on. Of more than MOST_IMAGES images it
            takes MOST_IMAGES, evenly over the classes and the same every time.
        settings: labelled images of a classifier, and whether to simulate the fused kernels.
        progress: called with the number of finished steps and of all steps.

    Returns:
        Each layer's share of the loss. Without labelled images there is no top-1, only the agreement with
        the float network; of what is no classifier only the noise in its outputs.

    Raises:
        MicronetEdgeError: a float file, a missing recipe, another checkpoint, or unreadable images.
    """
    path, settings = Path(path), settings or SensitivitySettings()
    metadata = read_metadata(path)
    if settings.data is not None:
        check_classifier(metadata, path, "--data, labelled images,")
    if metadata.precision in TOLERANCES:
        raise SettingsError(
            f"{path} is a {metadata.precision} file without quantized activations: give an int8 file"
        )
    quantized, reference = quantized_from(path, network)
    fused = fused_activations(path, settings.kernels)
    if fused:
        quantized = with_fused_activations(quantized)
    images = read_calibration_of(metadata, Path(calibration), skip_unreadable=settings.skip_unreadable)
    notes = _notes(images.source, images.count, images.skipped, "at random")
    labelled = None
    if settings.data is not None:
        found = read_labelled(
            Path(settings.data),
            metadata.labels,
            labels_assumed=metadata.labels_assumed,
            skip_unreadable=settings.skip_unreadable,
        )
        notes += _notes(found.source, found.count, found.skipped, "evenly over the classes")
        labelled = _read(found, metadata)
    places = chosen_evenly([0] * images.count, MOST_IMAGES)
    chosen = tuple(torch.from_numpy(each[places]) for each in images.inputs)
    return FileSensitivity(
        path=path,
        metadata=metadata,
        checkpoint=shown(named(network)),
        calibration=images.source,
        data=None if labelled is None else found.source,
        order=None if labelled is None else found.order,
        analysis=analyze(quantized, reference, chosen, labelled, progress),
        fused=fused,
        notes=tuple(notes),
    )


def chosen_evenly(classes: Sequence[int], most: int) -> list[int]:
    """At most `most` positions in order, the same number of each class or all it has; deterministic."""
    order = np.random.default_rng(_SEED).permutation(len(classes))
    ranks: dict[int, int] = {}
    ranked = []
    for position in order.tolist():
        rank = ranks[classes[position]] = ranks.get(classes[position], -1) + 1
        ranked.append((rank, position))
    return sorted(position for _, position in sorted(ranked)[:most])


def _read(images: LabelledImages, metadata: FileMetadata) -> Labelled:
    positions = chosen_evenly(images.classes, MOST_IMAGES)
    try:
        batch: Tensor = torch.from_numpy(metadata.preprocessing.batch([images.paths[k] for k in positions]))
    except SettingsError as error:
        raise SettingsError(f"{error}; {SKIP_HINT}") from error
    return batch, torch.tensor([images.classes[k] for k in positions])


def _notes(source: str, count: int, skipped: int, how: str) -> list[str]:
    notes = []
    if skipped:
        notes.append(f"skipped because they are not readable images: {skipped} of {skipped + count} files")
    if count > MOST_IMAGES:
        notes.append(f"uses {MOST_IMAGES} of the {count} images in {source}, {how}")
    return notes
