"""The registry of what users write: layers by their class, functions, and methods by their names."""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import TypeVar

from torch import fx
from torch.nn import functional

from micronet_edge.lowering.ir.graph import module_of

Spelling = Callable[..., object]
"""Given a Writer, the layer if it is one, and the arguments of the call: the node or nodes of the result."""

Given = TypeVar("Given", bound=Spelling)


class Vocabulary:
    """The spellings of a package, whose modules are imported when it is first asked."""

    def __init__(self, package: str) -> None:
        self._package, self._is_read = package, False
        self._spellings: dict[object, Spelling] = {}
        self._refusals: dict[object, str] = {}

    def spells(self, *kinds: object) -> Callable[[Given], Given]:
        """Registers how calls of these classes of layers, functions, and methods' names are spelled."""

        def register(spelling: Given) -> Given:
            self._spellings |= dict.fromkeys(kinds, spelling)
            return spelling

        return register

    def refuses(self, reason: str, *kinds: object) -> None:
        """Registers why there is no spelling of these, and what works instead."""
        self._refusals |= dict.fromkeys(kinds, reason)

    def spelling(self, node: fx.Node) -> Spelling | None:
        """How what the node calls is spelled; None where it is not known."""
        self._read()
        return next((self._spellings[each] for each in _called(node) if each in self._spellings), None)

    def refusal(self, node: fx.Node) -> str | None:
        """Why what the node calls has no spelling, where that is known."""
        self._read()
        return next((self._refusals[each] for each in _called(node) if each in self._refusals), None)

    def _read(self) -> None:
        if not self._is_read:
            for module in iter_modules(import_module(self._package).__path__):
                import_module(f"{self._package}.{module.name}")
            self._is_read = True


def _called(node: fx.Node) -> tuple[object, ...]:
    """What the node calls, nearest first: a layer's classes, or a function or method and its pure forms."""
    if node.op == "call_module":
        return type(module_of(node)).__mro__
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    if name.endswith("_") and not name.endswith("__"):
        pure = name.removesuffix("_")
        return node.target, pure, getattr(functional, pure, None)
    return (node.target,)


VOCABULARY = Vocabulary(__package__)
