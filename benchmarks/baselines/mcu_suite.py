"""The suite of microcontrollers: its networks, written as C files by the same code, and their results."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import micronet_edge
from baselines.suite_files import export_baseline
from micronet_edge.data.metadata import DISTRIBUTION, tool_version
from micronet_edge.errors import SettingsError
from micronet_edge.models import FAMILY
from micronet_edge.settings import ExportSettings
from micronet_edge.targets.protocol import INT8_IO
from micronet_edge_bench.mcu import Measured, measure
from micronet_edge_bench.mcu.results import McuResults

PEERS = ("mobilenet-v3-small-0.35", "pp-lcnet-0.25", "mobilenet-v3-small-0.5", "pp-lcnet-0.35")
NETWORKS = (*FAMILY, *PEERS)
SIZES, CLASSES = (96, 128, 224), (1000, 20)
DEVICES = ("cortex-m4", "cortex-m55")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the suite: a variant or a baseline, the side of its images in pixels, its classes."""

    network: str
    size: int
    classes: int

    @property
    def name(self) -> str:
        """The file's name in the results."""
        return f"{self.network} {self.size} px {self.classes} classes"


REFERENCE = Entry("m1", 224, 1000)
"""The file that ratios are taken of where a results file has one for all."""


def entries(
    networks: Iterable[str] = NETWORKS, sizes: Iterable[int] = SIZES, classes: Iterable[int] = CLASSES
) -> tuple[Entry, ...]:
    """Every combination, large heads first."""
    return tuple(Entry(network, size, count) for count, size, network in product(classes, sizes, networks))


def check_entry(entry: Entry) -> None:
    """Raises SettingsError on an entry that is none of the suite's."""
    if entry not in entries():
        known = f"networks {', '.join(NETWORKS)}; sizes {SIZES}; classes {CLASSES}"
        raise SettingsError(f"{entry.name} is not in the suite: it has {known}")


def write_entry(entry: Entry, folder: Path, calibration: Path) -> Path:
    """Writes the C file of an entry, in int8 with random weights, into a folder of its own.

    Raises a subclass of MicronetEdgeError if it cannot be written or proven.
    """
    settings = ExportSettings(
        formats=("c",),
        output=folder / entry.name.replace(" ", "-"),
        precision="int8",
        io=INT8_IO,
        calibration=calibration,
        input_size=entry.size,
        num_classes=entry.classes,
        overwrite=True,
    )
    if entry.network not in FAMILY:
        return export_baseline(entry.network, settings).path
    (exported,) = micronet_edge.export(entry.network, settings=settings)
    return exported.path


def measure_entry(entry: Entry, folder: Path, calibration: Path) -> tuple[Measured, ...]:
    """Writes an entry's file and counts its instructions on every board.

    Raises as `write_entry`, and McuError.
    """
    path = write_entry(entry, folder, calibration)
    return tuple(replace(measure(path, device), file=entry.name) for device in DEVICES)


def merged(before: McuResults | None, found: Iterable[Measured]) -> McuResults:
    """The results with new ones in the place of older ones of the same file and board."""
    rows = {(each.file, each.device): each for each in (*(before.measured if before else ()), *found)}
    places = {entry.name: place for place, entry in enumerate(entries())}
    ordered = sorted(rows.values(), key=lambda each: (DEVICES.index(each.device), places[each.file]))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return McuResults(now, f"{DISTRIBUTION} {tool_version()}", REFERENCE.name, tuple(ordered))
