"""The registry of a target's operators: how layers are written, what operators compute, where they may stand.

A target keeps its operators in a package of their own, one file each, and an instance of `Operators` in that
package's `__init__.py`. To add an operator is to add a file that registers it there.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Generic, TypeVar

from torch import fx, nn

from micronet_edge.lowering.ir.graph import module_of

Write = TypeVar("Write", bound=Callable[..., object])
Formula = TypeVar("Formula")
Called = type[nn.Module] | Callable[..., object] | str
"""A class of layers, a function such as operator.add, or the name of a tensor's method."""


@dataclass(frozen=True, slots=True)
class LayerWriter(Generic[Write]):
    """How the layers of a class are written, and which of them can be."""

    write: Write
    supports: Callable[[fx.Node], bool]


@dataclass(frozen=True, slots=True)
class FileOperator(Generic[Formula]):
    """An operator as the format names it: what it computes, and the kinds of our files that may have it."""

    formula: Formula
    allowed_in: frozenset[str]


class Operators(Generic[Write, Formula]):
    """What a target writes and knows, registered by the modules of a package.

    `Write` is the function that writes a layer, `Formula` what counting knows of an operator; both are the
    target's own. The package's modules are imported when the registry is first asked.
    """

    def __init__(self, package: str) -> None:
        self._package, self._is_read = package, False
        self._writers: dict[Called, LayerWriter[Write]] = {}
        self._operators: dict[str, FileOperator[Formula]] = {}

    def writes(
        self, *layers: Called, supports: Callable[[fx.Node], bool] = lambda _node: True
    ) -> Callable[[Write], Write]:
        """Registers a function that writes these layers and their subclasses, as far as `supports` says.

        A layer may also be a function, or the name of a tensor's method, that a module calls itself.
        """

        def register(write: Write) -> Write:
            self._writers |= dict.fromkeys(layers, LayerWriter(write, supports))
            return write

        return register

    def names(self, *names: str, formula: Formula, allowed_in: Iterable[str] = ()) -> None:
        """Registers operators of the format that compute alike."""
        self._operators |= dict.fromkeys(names, FileOperator(formula, frozenset(allowed_in)))

    def writer(self, node: fx.Node) -> LayerWriter[Write] | None:
        """How the node's layer is written; None where no operator of the target does."""
        self._read()
        found = (self._writers.get(kind) for kind in _called(node))
        writer = next(filter(None, found), None)
        return writer if writer is not None and writer.supports(node) else None

    def formula(self, name: str) -> Formula | None:
        """What the operator of that name computes; None where that is not known."""
        self._read()
        operator = self._operators.get(name)
        return None if operator is None else operator.formula

    def allowed(self, kind: str) -> set[str]:
        """The names of the operators that files of a kind may have."""
        self._read()
        return {name for name, operator in self._operators.items() if kind in operator.allowed_in}

    def _read(self) -> None:
        if not self._is_read:
            for module in iter_modules(import_module(self._package).__path__):
                import_module(f"{self._package}.{module.name}")
            self._is_read = True  # not before: half of the operators would be worse than the error


def _called(node: fx.Node) -> tuple[Called, ...]:
    """What the node calls: a layer's classes, the nearest first, or a function."""
    return type(module_of(node)).__mro__ if node.op == "call_module" else (node.target,)
