"""Runs a tuning for a device from the names on the command line."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from micronet_edge.lowering.cost_model.tuning import SHIPPED, read_tuning, tuning_text
from micronet_edge_bench.benching import Where
from micronet_edge_bench.crops import write_crops
from micronet_edge_bench.devices import find_device
from micronet_edge_bench.tuning.candidates import Networks, candidates, complete
from micronet_edge_bench.tuning.head_to_head import MeasuredHeadToHead
from micronet_edge_bench.tuning.search import Trial, tune


def tuned_on(
    device: str,
    networks: Sequence[str],
    *,
    tables: Sequence[str] = (),
    start: Path | None = None,
    bootstrap: bool = False,
    report: Callable[[str], None] = lambda _step: None,
) -> tuple[str, tuple[Trial, ...]]:
    """The text of a tuning for the device, and all trials.

    Given    the names of tables to fit, all if there are none; a tuning to start from, None for the bundled
             one
    Raises   SettingsError on unknown names, and what reading networks and devices raises.
    """
    fitted = candidates(tables)
    find_device(device)  # refuses unknown names
    tuning = complete(SHIPPED if start is None else read_tuning(start))
    with tempfile.TemporaryDirectory(prefix="micronet-edge-") as name:
        folder = Path(name)
        written = Networks(list(dict.fromkeys(networks)), write_crops(folder / "crops.npy"), folder)
        head_to_head = MeasuredHeadToHead(Where((device,), bootstrap=bootstrap))
        found, trials = tune(tuning, fitted, written, head_to_head, report)
    return tuning_text(replace(found, machine=head_to_head.machine or found.machine)), trials


def fitted_tables(tables: Sequence[str] = ()) -> list[str]:
    """The names of the tables that `tuned_on` fits."""
    return [candidate.table for candidate in candidates(tables)]
