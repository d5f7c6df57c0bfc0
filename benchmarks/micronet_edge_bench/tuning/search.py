"""Searches for a table of costs with faster files on a device: one figure at a time, on whole networks.

Figures fitted to single operators chose worse layouts than figures fitted to networks (benchmarks/README.md),
since an operator's time depends on what ran before it. So the search halves and doubles a figure and, if that
changes the files, measures them against those of the best table so far.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from math import exp, log
from pathlib import Path
from statistics import mean

from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.lowering.cost_model.tuning import Tuning, costs_of
from micronet_edge_bench.tuning.candidates import Candidate, Networks

FACTORS = (0.5, 2.0)
WORTH = 0.99
"""Largest relative time that counts as faster; two measurements of one file differ by less."""

_MOST_ROUNDS = 6

Prints = tuple[str, ...]
"""The fingerprints of a tuning's files, by network."""

HeadToHead = Callable[[Sequence[Path]], Sequence[float]]
"""Measures files on the device; returns their times relative to the first."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A changed figure of a table, and the times of the resulting files.

    `times` are relative to the best table so far, by network; 1 if the file is the same.
    """

    table: str
    figure: str
    value: float
    times: Mapping[str, float]
    taken: bool = False

    @property
    def time(self) -> float:
        """The geometric mean over all networks."""
        return exp(mean(map(log, self.times.values())))


def tune(
    tuning: Tuning,
    candidates: Sequence[Candidate],
    networks: Networks,
    head_to_head: HeadToHead,
    report: Callable[[str], None] = lambda _step: None,
) -> tuple[Tuning, tuple[Trial, ...]]:
    """The tuning with the fastest files found, and all trials.

    Given    a tuning to start from, the candidates whose tables to fit, the networks to write
    Result   the start itself if nothing is at least 1 % faster
    """
    trials: list[Trial] = []
    for candidate in candidates:
        for number in range(1, _MOST_ROUNDS + 1):
            report(f"{candidate.table}: round {number}")
            step = _Step(tuning, candidate, networks, head_to_head)
            tried, best = step.trials()
            trials += tried
            if best is None:
                break
            tuning = step.changed(best)
    return tuning, tuple(trials)


class _Step:
    """One step: changes every figure of a table, and measures all distinct files together."""

    def __init__(
        self, tuning: Tuning, candidate: Candidate, networks: Networks, head_to_head: HeadToHead
    ) -> None:
        self._tuning, self._candidate, self._networks, self._head_to_head = (
            tuning,
            candidate,
            networks,
            head_to_head,
        )
        self._best = self._prints(tuning)

    def trials(self) -> tuple[list[Trial], Trial | None]:
        """All trials, and the best one, measured again as the last trial, if it is faster."""
        found: dict[Prints, Trial] = {}
        for figure, value in neighbours(self._candidate.costs(self._tuning)):
            trial = Trial(self._candidate.table, figure, value, {})
            prints = self._prints(self.changed(trial))
            if prints != self._best:
                found.setdefault(prints, trial)
        tried = self._timed(found)
        best = min(tried, key=lambda trial: trial.time, default=None)
        if best is None or best.time > WORTH:
            return tried, None
        # The fastest of many is biased by chance, so it is measured again.
        (again,) = self._timed({self._prints(self.changed(best)): best})
        taken = again.time <= WORTH
        return [*tried, replace(again, taken=taken)], again if taken else None

    def changed(self, trial: Trial) -> Tuning:
        """The tuning with the trial's figure changed."""
        costs = with_figure(self._candidate.costs(self._tuning), trial.figure, trial.value)
        return self._tuning.with_costs(self._candidate.table, costs)

    def _prints(self, tuning: Tuning) -> Prints:
        return tuple(
            self._networks.fingerprint(name, self._candidate, tuning) for name in self._networks.names
        )

    def _timed(self, found: Mapping[Prints, Trial]) -> list[Trial]:
        times = [self._times(place, found) for place in range(len(self._best))]
        named = list(zip(self._networks.names, times, strict=True))
        return [
            replace(trial, times={name: each[own] for (name, each), own in zip(named, prints, strict=True)})
            for prints, trial in found.items()
        ]

    def _times(self, place: int, found: Mapping[Prints, Trial]) -> dict[str, float]:
        """The times of all files of one network, by fingerprint, relative to the best one's."""
        tunings = {self._best[place]: self._tuning}
        for prints, trial in found.items():
            tunings.setdefault(prints[place], self.changed(trial))
        name = self._networks.names[place]
        files = [self._networks.file(name, self._candidate, tuning, each) for each, tuning in tunings.items()]
        return dict(zip(tunings, self._head_to_head(files) if len(files) > 1 else [1.0], strict=True))


def with_figure(costs: Costs, figure: str, value: float) -> Costs:
    """The costs with one figure changed."""
    return costs_of(asdict(costs) | {figure: value})


def neighbours(costs: Costs) -> Iterator[tuple[str, float]]:
    """Every figure of a table, halved and doubled; zero means never and stays."""
    for field in fields(costs):
        value = getattr(costs, field.name)
        if field.type is float and value > 0:
            yield from ((field.name, value * factor) for factor in FACTORS)
