"""Measures network files, reads results files, and chooses the baseline."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from micronet_edge.data.metadata import DISTRIBUTION, tool_version
from micronet_edge.errors import SettingsError
from micronet_edge.kernels import Kernels
from micronet_edge_bench.inputs import PreparedFile, prepare
from micronet_edge_bench.measuring import Progress, measure
from micronet_edge_bench.named_runtimes import check_runtimes, in_runtimes
from micronet_edge_bench.results import Baseline, Results, Run, read_results
from micronet_edge_bench.runner.plan import Settings

RESULTS_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class Where:
    """The devices to measure on; `bootstrap` installs missing packages there.

    `program` is TFLite's benchmark_model, which then measures on phones.
    """

    devices: tuple[str, ...] = ("local",)
    bootstrap: bool = False
    program: Path | None = None


@dataclass(frozen=True, slots=True)
class What:
    """The input of the files: the first images of a folder, random numbers, or a bundled photograph.

    `kernels` says whether the fused kernels may run. `own` files were just written here, so they are trusted.
    Each file runs in those of the `runtimes` that take it, or in its usual one if none is named.
    """

    images: Path | None = None
    random: bool = False
    kernels: Kernels = "auto"
    own: bool = False
    runtimes: tuple[str, ...] = ()


def is_results(path: Path) -> bool:
    """Whether a path names a results file, not a network's."""
    return path.suffix == RESULTS_SUFFIX


def bench(
    paths: Sequence[Path],
    settings: Settings,
    *,
    against: Path | None = None,
    where: Where = Where(),
    what: What = What(),
    progress: Progress = lambda *_: None,
) -> Results:
    """The results of all files: measures network files and reads results files.

    Given    `against`, a file of either kind, or the name of one in the results; the default is the first of
             `paths`. Against a results file, each file is compared with the one of the same name there.
    Raises   what measure, prepare and read_results raise, and SettingsError on results given twice.
    """
    networks, kept = _sorted(paths, against)
    check_runtimes(networks, what.runtimes)
    read = [(path, read_results(path)) for path in kept]  # before measuring, which takes minutes
    prepared = prepare(networks, what.images, random=what.random, own=what.own) if networks else []
    prepared = in_runtimes([replace(file, kernels=what.kernels) for file in prepared], what.runtimes)
    runs: tuple[Run, ...] = ()
    baseline = _baseline(paths, against, prepared)
    if prepared:
        runs = measure(
            prepared,
            where.devices,
            settings,
            bootstrap=where.bootstrap,
            program=where.program,
            progress=progress,
        )
    elif len(paths) == 1 and against is None:
        baseline = read[0][1].baseline or baseline
    runs += tuple(replace(run, source=str(path)) for path, results in read for run in results.runs)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Results(now, f"{DISTRIBUTION} {tool_version()}", baseline, runs)


def _sorted(paths: Sequence[Path], against: Path | None) -> tuple[list[Path], list[Path]]:
    """Network files and results files, each preceded by `against` if it is not among them."""
    networks = [path for path in paths if not is_results(path)]
    kept = [path for path in paths if is_results(path)]
    if len(set(kept)) < len(kept):
        raise SettingsError("a results file is given twice: give it once")
    if against is not None:
        group = kept if is_results(against) else networks
        # Without anything to measure, a network file means the one of that name in the results.
        if (group or group is kept) and os.path.realpath(against) not in map(os.path.realpath, group):
            group.insert(0, against)
    return networks, kept


def _baseline(paths: Sequence[Path], against: Path | None, prepared: Sequence[PreparedFile]) -> Baseline:
    first = against or paths[0]
    if against is None and (len(paths) == 1 or not any(is_results(path) for path in paths)):
        return Baseline(None)
    if is_results(first):
        return Baseline(None, str(first))
    if against is None:
        return Baseline(None, source="")  # results beside measured files; the measured ones come first
    names = [file.name for file in prepared if os.path.realpath(file.path) == os.path.realpath(against)]
    return Baseline(names[0] if names else against.name)
