"""The common interface of the methods: float files, quantized files, the converter baseline."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from torch import nn

from micronet_edge.lowering import Applied
from micronet_edge.pipeline.job import Work
from micronet_edge.pipeline.mixed_precision import Step
from micronet_edge.settings import QuantizeSettings
from micronet_edge.targets.protocol import Target
from micronet_edge.verification.prove import FileToProve, Proof


@dataclass(frozen=True, slots=True)
class Written:
    """The content of a file: the network as written, and what the manifest records about it."""

    network: nn.Module
    applied: tuple[Applied, ...] = ()
    settings: dict[str, object] = field(default_factory=dict)


class Method(Protocol):
    """A way from a network to files of several formats; `run` calls its steps in order."""

    reading: ClassVar[str]
    """The step to report while the network and the images are read."""

    suffixes_beside: ClassVar[tuple[str, ...]]
    """Suffixes of the files beside the exported ones; an existing one may block the job."""

    @staticmethod
    def check(settings: QuantizeSettings) -> None:
        """Raises SettingsError on contradictory settings, before anything is read."""

    def __init__(self, work: Work) -> None:
        """Reads the images and refuses bad input before the work starts."""

    def prepare(self, folder: Path) -> None:
        """Does the work that all formats share, once."""

    def write(self, target: Target, path: Path) -> Written:
        """Writes the file."""

    def prove(self, file: FileToProve, written: Written) -> Proof:
        """Compares the file with the network. Raises VerificationError if the proof fails."""

    @property
    def recipe(self) -> str | None:
        """The name of the recipe beside the files, if there is one."""

    @property
    def beside(self) -> tuple[str, ...]:
        """The names of all other files beside the exported ones, except manifests and cards."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The attempts to keep the accuracy budget."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know about the images, the network and the files."""


class WithoutRecipe:
    """The part of a `Method` without a recipe: only manifests and cards lie beside its files."""

    reading: ClassVar[str] = "reading the network"
    suffixes_beside: ClassVar[tuple[str, ...]] = ()
    recipe = None
    beside = ()
    steps = ()
    notes = ()
