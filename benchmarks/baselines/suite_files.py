"""Writes the files of a suite: variants and peers, by the same code."""

from dataclasses import replace
from pathlib import Path

import micronet_edge
from baselines.building import peer_metadata, random_peer
from baselines.forms import prepared
from baselines.suites import FORMS, Member
from baselines.targets import peer_target
from micronet_edge.models import FAMILY
from micronet_edge.pipeline.artifacts import Exported
from micronet_edge.settings import ExportSettings
from micronet_edge.targets.protocol import FLOAT32


def write_member(member: Member, folder: Path, calibration: Path) -> Path:
    """Writes one file of a suite under the member's own name.

    Raises MicronetEdgeError of the kind that fits where it cannot be written or proven.
    """
    form = FORMS[member.form]
    settings = micronet_edge.ExportSettings(
        formats=(member.format,),
        output=folder,
        naive=form.naive,
        portable=form.portable,
        precision=form.precision,
        io=form.io,
        calibration=None if form.precision == FLOAT32 else calibration,
        overwrite=True,
    )
    if member.network in FAMILY:
        (exported,) = micronet_edge.export(member.network, settings=settings)
    else:
        exported = export_peer(member.network, settings)
    # Files that differ in form alone bear the same name otherwise.
    return exported.path.rename(folder / member.name)


def export_peer(name: str, settings: ExportSettings) -> Exported:
    """Writes a peer with random weights as one proven file, as any other network is written.

    Given    a name of `PEERS`; settings with one format, of float32 or int8
    Raises   MicronetEdgeError of the kind that fits; no file is left under its final name then.
    """
    (name_of_format,) = settings.formats
    assert isinstance(name_of_format, str)  # a suite names them
    network = prepared(random_peer(name), name_of_format, settings.precision)
    (exported,) = micronet_edge.export(
        network,
        metadata=peer_metadata(name),
        settings=replace(settings, formats=(peer_target(name_of_format),)),
    )
    return exported
