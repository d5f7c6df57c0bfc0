"""A graph as counting sees it, whatever it was read from: operators in order of execution."""

from dataclasses import dataclass
from math import prod


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """What an operator computes in one inference.

    `multiplies` are those of an operator that multiplies two tensors element by element: they are
    Dynamic Shift-Max's where they apply its coefficients, and other operations elsewhere.
    """

    conv: int = 0
    linear: int = 0
    multiplies: int = 0
    other: int = 0

    @property
    def products(self) -> int:
        """All multiplications of one tensor by another."""
        return self.conv + self.linear + self.multiplies


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor; `shape` None where it is not known before the file runs.

    `stored` names the place of a constant's numbers, so that what is stored once counts once; it is
    None for what is computed. `held_in` names the memory that a computed tensor lies in.
    """

    name: str
    shape: tuple[int, ...] | None
    size_bytes: int
    stored: str | None = None
    held_in: str = ""

    @property
    def elements(self) -> int:
        return 0 if self.shape is None else prod(self.shape)

    @property
    def memory(self) -> str:
        return self.held_in or self.name


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator of the graph.

    `name` is its own, `layer` the layer that it stands in, `kind` what the format calls it. `settings`
    are inputs that are no numbers of the network: shapes, indices, bounds, scales. `arithmetic` None
    says that what it computes cannot be counted.
    """

    name: str
    layer: str
    kind: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    arithmetic: Arithmetic | None
    settings: tuple[Tensor, ...] = ()

    @property
    def reads(self) -> tuple[Tensor, ...]:
        return self.inputs + self.settings


@dataclass(frozen=True, slots=True)
class Graph:
    """Everything that one inference does.

    `shift_max_layers` are the layers that are Dynamic Shift-Max; None leaves that to their names. Then
    `named` says that all names are ours, and `activations` are such layers that are known by their nodes.
    `unread` are stored numbers that no operator reads. `images` is how many one inference takes, and
    `notes` are what a reader of the figures must know.
    """

    operators: tuple[Operator, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    shift_max_layers: frozenset[str] | None = None
    named: bool = False
    activations: frozenset[str] = frozenset()
    unread: tuple[Tensor, ...] = ()
    images: int = 1
    notes: tuple[str, ...] = ()
