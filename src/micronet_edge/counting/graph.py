"""The graph that counting works on, independent of its format: operators in order of execution."""

from dataclasses import dataclass
from math import prod


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """What an operator computes in one inference.

    `multiplies` are those of an elementwise product of two tensors: they count as Dynamic Shift-Max's if they
    apply its coefficients, otherwise as other operations.
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
    """A tensor; `shape` is None if it is unknown before the file runs.

    `stored` names the storage of a constant, so that shared storage counts once; it is None for a computed
    tensor. `held_in` names the memory of a computed tensor.
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

    `layer` is the layer it belongs to, `kind` its type in the format. `settings` are inputs that are not
    weights: shapes, indices, bounds, scales. `arithmetic` is None if it cannot be counted.
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
    """One inference.

    `shift_max_layers` are the layers that are Dynamic Shift-Max; None leaves that to their names. Then
    `named` says that all names are ours, and `activations` are such layers that their nodes identify.
    `unread` are constants that no operator reads. `images` is the number of images per inference. `notes` say
    what to know about the figures.
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
