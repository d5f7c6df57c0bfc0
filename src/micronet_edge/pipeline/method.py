"""What ways of writing a network have in common: in float, in integers, by the formats' usual tools."""

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
    """What lies in a file: the network as it was written, and what a manifest tells of how it came to be."""

    network: nn.Module
    applied: tuple[Applied, ...] = ()
    settings: dict[str, object] = field(default_factory=dict)


class Method(Protocol):
    """A way from a network to files of several formats, which `run` takes step by step."""

    reading: ClassVar[str]
    """What is reported while the network and the images are read."""

    suffixes_beside: ClassVar[tuple[str, ...]]
    """How the names of what lies beside the files end, as far as one may stand in the way of the work."""

    @staticmethod
    def check(settings: QuantizeSettings) -> None:
        """Raises SettingsError on settings that contradict each other, before anything is read."""

    def __init__(self, work: Work) -> None:
        """Reads the images, and refuses what can be refused before the work."""

    def prepare(self, folder: Path) -> None:
        """Does what all formats share, once."""

    def write(self, target: Target, path: Path) -> Written:
        """Writes the file."""

    def prove(self, file: FileToProve, written: Written) -> Proof:
        """Holds the file against the network. Raises VerificationError where it fails."""

    @property
    def recipe(self) -> str | None:
        """The name of the recipe that lies beside the files, where there is one."""

    @property
    def beside(self) -> tuple[str, ...]:
        """The names of all that lies beside the files, but for their manifests."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """How a bound on the loss was kept."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of the images, the network and the files."""


class WithoutRecipe:
    """What a `Method` says that makes no recipe: nothing lies beside its files but their manifests."""

    reading: ClassVar[str] = "reading the network"
    suffixes_beside: ClassVar[tuple[str, ...]] = ()
    recipe = None
    beside = ()
    steps = ()
    notes = ()
