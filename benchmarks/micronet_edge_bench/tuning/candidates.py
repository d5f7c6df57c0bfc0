"""The files that depend on a table of costs, and fingerprints to compare the effect of two tables."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import fx

import micronet_edge
from micronet_edge.errors import SettingsError
from micronet_edge.lowering import Pass, integer, lower
from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.lowering.cost_model.tuning import Tuning, tuning_text
from micronet_edge.models.source import Source, read_source
from micronet_edge.pipeline.job import export_spec
from micronet_edge.quantization.recipe import BITS
from micronet_edge.settings import ExportSettings
from micronet_edge.targets.protocol import CostTable, Target
from micronet_edge.targets.registry import cost_tables


@dataclass(frozen=True, slots=True)
class Candidate:
    """A kind of file, with the table of a tuning that it depends on."""

    table: str
    target: Target
    own: CostTable

    @property
    def is_integer(self) -> bool:
        return self.own.precision in BITS

    def costs(self, tuning: Tuning) -> Costs:
        return tuning.costs(self.table, self.own.costs)

    def settings(self, tuning: Path | None = None, calibration: Path | None = None) -> ExportSettings:
        """How the files are written that the table decides on."""
        return ExportSettings(
            formats=(self.target.name,),
            precision=self.own.precision,
            portable=self.own.portable,
            calibration=calibration if self.is_integer else None,
            tuning=tuning,
        )

    def pipeline(self, origin: Source, tuning: Tuning) -> tuple[Pass, ...]:
        """The passes of a network's file."""
        if self.is_integer:
            return integer(self.costs(tuning))
        return self.target.pipeline(replace(export_spec(origin, self.settings()), tuning=tuning))


def candidates(tables: Sequence[str] = ()) -> list[Candidate]:
    """The candidates of these tables, or of every installed target's.

    Raises SettingsError on a table that no target has.
    """
    known = {name: Candidate(name, *found) for name, found in cost_tables().items()}
    if unknown := set(tables) - set(known):
        raise SettingsError(f"there is no table {min(unknown)}: choose from {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(tables or known)]


def complete(tuning: Tuning) -> Tuning:
    """The tuning with every installed target's table, those that it lacks as they are shipped."""
    for candidate in candidates():
        tuning = tuning.with_costs(candidate.table, candidate.costs(tuning))
    return tuning


class Networks:
    """The networks to tune for; each is written once per distinct file."""

    def __init__(self, sources: Sequence[str], calibration: Path, folder: Path) -> None:
        self._sources: dict[str, Source] = {
            source: read_source(source, None, ExportSettings()) for source in sources
        }
        self._calibration, self._folder = calibration, folder
        self._fingerprints: dict[tuple[str, str, Costs], str] = {}
        self._written: dict[tuple[str, str], Path] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._sources)

    def fingerprint(self, name: str, candidate: Candidate, tuning: Tuning) -> str:
        """A fingerprint that is equal for two tables with the same file of the network."""
        key = (name, candidate.table, candidate.costs(tuning))
        if key not in self._fingerprints:
            self._fingerprints[key] = self._lowered_fingerprint(name, candidate, tuning)
        return self._fingerprints[key]

    def _lowered_fingerprint(self, name: str, candidate: Candidate, tuning: Tuning) -> str:
        origin = self._sources[name]
        pipeline = candidate.pipeline(origin, tuning)
        lowered = lower(origin.network, pipeline, origin.metadata.preprocessing.size)
        return _fingerprint(lowered.network)

    def file(self, name: str, candidate: Candidate, tuning: Tuning, fingerprint: str) -> Path:
        """The network's file, proven like any other and written at most once."""
        key = (candidate.table, fingerprint)
        if key not in self._written:
            self._written[key] = self._write(name, candidate, tuning, fingerprint)
        return self._written[key]

    def _write(self, name: str, candidate: Candidate, tuning: Tuning, fingerprint: str) -> Path:
        folder = self._folder / candidate.table / fingerprint
        folder.mkdir(parents=True)
        table = folder / "tuning.json"
        table.write_text(tuning_text(tuning), encoding="utf-8")
        settings = replace(candidate.settings(table, self._calibration), output=folder)
        (written,) = micronet_edge.export(name, settings=settings)
        return written.path


def _fingerprint(network: fx.GraphModule) -> str:
    """A hash of the layers in order with their settings and weights, which depend on the channel order."""
    digest = hashlib.sha256(network.code.encode())
    for name, module in network.named_modules():
        plain = {key: value for key, value in vars(module).items() if isinstance(value, int | float | tuple)}
        digest.update(f"{name} {type(module).__name__} {sorted(plain.items())}".encode())
    for name, tensor in network.state_dict().items():
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()[:16]
