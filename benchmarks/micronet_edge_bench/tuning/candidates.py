"""The files that depend on a table of costs, and fingerprints to compare the effect of two tables."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from torch import fx

import micronet_edge
from micronet_edge.lowering import Pass, integer, lower, onnxruntime, portable, tflite
from micronet_edge.lowering.cost_model.costs import Costs
from micronet_edge.lowering.cost_model.tuning import Tuning, tuning_of, tuning_text
from micronet_edge.models.source import Source, read_source
from micronet_edge.targets.protocol import FLOAT32

INT8 = "int8"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A kind of file, with the table of a tuning that it depends on."""

    table: str
    format: str
    precision: str = FLOAT32
    portable: bool = False

    def costs(self, tuning: Tuning) -> Costs:
        costs = getattr(tuning, self.table)
        assert isinstance(costs, Costs)
        return costs

    def with_costs(self, tuning: Tuning, costs: Costs) -> Tuning:
        return tuning_of(asdict(tuning) | {self.table: asdict(costs)})

    def pipeline(self, tuning: Tuning) -> tuple[Pass, ...]:
        match self.table:
            case "onnxruntime":
                return onnxruntime(tuning)
            case "portable":
                return portable(tuning)
            case "xnnpack":
                return tflite(tuning)
            case _:
                return integer(tuning.xnnpack_int8)


CANDIDATES = (
    Candidate("onnxruntime", "onnx"),
    Candidate("portable", "onnx", portable=True),
    Candidate("xnnpack", "tflite"),
    # All formats share one integer network; LiteRT runs all of it in integers.
    Candidate("xnnpack_int8", "tflite", INT8),
)


class Networks:
    """The networks to tune for; each is written once per distinct file."""

    def __init__(self, sources: Sequence[str], calibration: Path, folder: Path) -> None:
        self._sources: dict[str, Source] = {
            source: read_source(source, None, micronet_edge.ExportSettings()) for source in sources
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
        lowered = lower(origin.network, candidate.pipeline(tuning), origin.metadata.preprocessing.size)
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
        settings = micronet_edge.ExportSettings(
            formats=(candidate.format,),
            output=folder,
            precision=candidate.precision,
            portable=candidate.portable,
            calibration=self._calibration if candidate.precision == INT8 else None,
            tuning=table,
        )
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
