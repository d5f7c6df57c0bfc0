"""Writes the files of a suite: variants and peers, by the same code."""

from pathlib import Path

import numpy as np

import micronet_edge
from micronet_edge.models import FAMILY
from micronet_edge.photographs import photographs
from micronet_edge.preprocessing import open_image
from micronet_edge_bench.peers.exporting import export_peer
from micronet_edge_bench.suites import FORMS, Form, Member

CROPS, CROP_SIZE, SEED = 64, 256, 0


def write_crops(path: Path) -> Path:
    """Crops of the package's photographs, to calibrate integer files of random weights on."""
    random = np.random.default_rng(SEED)
    pictures = [np.asarray(open_image(name).convert("RGB")) for name in photographs()]
    crops = []
    for number in range(CROPS):
        picture = pictures[number % len(pictures)]
        top, left = (random.integers(length - CROP_SIZE + 1) for length in picture.shape[:2])
        crops.append(picture[top : top + CROP_SIZE, left : left + CROP_SIZE])
    np.save(path, np.stack(crops))
    return path


def write_member(member: Member, folder: Path, calibration: Path) -> Path:
    """Writes one file of a suite under the member's own name.

    Raises MicronetEdgeError of the kind that fits where it cannot be written or proven.
    """
    form = FORMS[member.form]
    if member.network in FAMILY:
        written = _write_variant(member, form, folder, calibration)
    else:
        written = export_peer(member.network, member.format, form.precision, folder, calibration, form.io)
    # Files that differ in form alone bear the same name otherwise.
    return written.rename(folder / member.name)


def _write_variant(member: Member, form: Form, folder: Path, calibration: Path) -> Path:
    settings = micronet_edge.ExportSettings(
        formats=(member.format,),
        output=folder,
        naive=form.naive,
        portable=form.portable,
        precision=form.precision,
        io=form.io,
        calibration=None if form.precision == "float32" else calibration,
        overwrite=True,
    )
    (exported,) = micronet_edge.export(member.network, settings=settings)
    return exported.path
