"""What a job leaves behind: proven files with their manifests, and for integers the recipe that made them."""

from dataclasses import dataclass
from pathlib import Path

from micronet_edge.pipeline.mixed_precision import Step
from micronet_edge.verification.prove import Proof


@dataclass(frozen=True, slots=True)
class Exported:
    """One proven file, with its manifest beside it.

    `assumption` is what the checkpoint does not say and was assumed, in one line; `notes` say what was taken
    out of it, and what a person should know of its labels.
    """

    path: Path
    manifest: Path
    format: str
    precision: str
    size_bytes: int
    random_weights: bool
    proof: Proof
    assumption: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Artifacts:
    """All that a job wrote.

    `recipe` is what integer files were made by, None for others; `steps` tell how a bound on the loss was
    kept; `notes` say what a reader must know of the images, the network and the files.
    """

    files: tuple[Exported, ...]
    recipe: Path | None = None
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
