"""What a job writes: proven files, each with a manifest and a model card, and the recipe of integer files."""

from dataclasses import asdict, dataclass
from pathlib import Path

from micronet_edge.pipeline.mixed_precision import Step
from micronet_edge.verification.prove import Proof


@dataclass(frozen=True, slots=True)
class Exported:
    """One file, with its manifest and its model card beside it.

    `proof` is None only where this machine cannot run the file and the settings accept an unproven one.
    `assumption` is one line about what the checkpoint does not state and the tool assumes. `notes` say what
    was taken from the checkpoint, and what to know about its labels and, from `export`, about the job.
    `lacking` says what another runtime of the format lacks to run a naive file.
    """

    path: Path
    manifest: Path
    card: Path
    format: str
    precision: str
    size_bytes: int
    random_weights: bool
    proof: Proof | None
    assumption: str | None = None
    notes: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()

    def values(self) -> dict[str, object]:
        """As plain values."""
        return asdict(self) | {"proof": None if self.proof is None else self.proof.values()}


@dataclass(frozen=True, slots=True)
class Artifacts:
    """All that a job wrote.

    `recipe` is the recipe of integer files, None for others. `steps` are the attempts to keep the accuracy
    budget. `notes` say what to know about the images, the network and the files.
    """

    files: tuple[Exported, ...]
    recipe: Path | None = None
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()

    def values(self) -> dict[str, object]:
        """As plain values."""
        return asdict(self) | {"files": [file.values() for file in self.files]}
