"""Writes the files of a suite, variants and baselines, by the same code."""

from dataclasses import replace
from pathlib import Path

import micronet_edge
from baselines.building import CLASSES, SIZE, baseline_metadata, random_baseline
from baselines.prepare import prepared
from baselines.suites import CANDIDATES, Member
from baselines.targets import baseline_target
from micronet_edge.models import FAMILY
from micronet_edge.pipeline.artifacts import Exported
from micronet_edge.settings import ExportSettings
from micronet_edge.targets.protocol import FLOAT32


def write_member(member: Member, folder: Path, calibration: Path) -> Path:
    """Writes one file of a suite under the member's name.

    Raises a subclass of MicronetEdgeError if it cannot be written or proven.
    """
    candidate = CANDIDATES[member.candidate]
    settings = micronet_edge.ExportSettings(
        formats=(member.format,),
        output=folder,
        naive=candidate.naive,
        portable=candidate.portable,
        precision=candidate.precision,
        io=candidate.io,
        calibration=None if candidate.precision == FLOAT32 else calibration,
        overwrite=True,
    )
    if member.network in FAMILY:
        (exported,) = micronet_edge.export(member.network, settings=settings)
    else:
        exported = export_baseline(member.network, settings)
    # Files that differ only in candidate would have the same name otherwise.
    return exported.path.rename(folder / member.name)


def export_baseline(name: str, settings: ExportSettings) -> Exported:
    """Writes a baseline with random weights as one proven file, like any other network.

    Given    a name of `BASELINES`; settings with one format, of float32 or int8, perhaps with another
             input size or number of classes than the paper's
    Raises   a subclass of MicronetEdgeError; then no file appears under its final name.
    """
    (name_of_format,) = settings.formats or ()
    assert isinstance(name_of_format, str)  # a suite gives names
    size, classes = settings.input_size or SIZE, settings.num_classes or CLASSES
    network = prepared(random_baseline(name, size, classes), name_of_format, settings.precision, size)
    (exported,) = micronet_edge.export(
        network,
        metadata=baseline_metadata(name, size, classes),
        settings=replace(
            settings, formats=(baseline_target(name_of_format),), input_size=None, num_classes=None
        ),
    )
    return exported
