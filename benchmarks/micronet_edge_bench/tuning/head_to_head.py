"""Measures files head-to-head on a device."""

from collections.abc import Sequence
from pathlib import Path

from micronet_edge_bench.benching import What, Where, bench
from micronet_edge_bench.comparing import compare
from micronet_edge_bench.devices import DeviceError
from micronet_edge_bench.measuring import Progress
from micronet_edge_bench.runner.plan import Settings

_SETTINGS = Settings(threads=1, processes=3, rounds=150, seconds=None, profile=False)


class MeasuredHeadToHead:
    """Measures on one device, whose CPU is known after the first call. Raises DeviceError if that fails."""

    machine = ""

    def __init__(self, where: Where, progress: Progress = lambda *_: None) -> None:
        self._where, self._progress = where, progress

    def __call__(self, files: Sequence[Path]) -> list[float]:
        results = bench(files, _SETTINGS, where=self._where, what=What(own=True), progress=self._progress)
        (run,) = results.runs
        if run.error is not None:
            raise DeviceError(run.label, run.error.removeprefix(f"{run.label}: "))
        assert run.environment is not None  # a run without error has an environment
        self.machine = run.environment.cpu or run.label
        return [1.0, *(1 / each.ratio.value for each in compare(results))]
