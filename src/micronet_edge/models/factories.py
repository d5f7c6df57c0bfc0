"""User networks from a factory: a function that builds a network, and weights to load into it.

Building one runs the user's code, which the user names for that. Weights load like a checkpoint, without
running code in them.
"""

import importlib
import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from micronet_edge.errors import NetworkError, SettingsError
from micronet_edge.models.checkpoint_files import read_file
from micronet_edge.models.differences import COUNTER
from micronet_edge.models.fitting_weights import fitting_weights
from micronet_edge.models.own_checkpoints import Argument, OwnCheckpoint, read_own
from micronet_edge.util.text import listed

_NAMED = re.compile(r"(?P<place>.+\.py|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(?P<name>[A-Za-z_]\w*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Factory:
    """A function that builds a network: its module, its name, and weights to load.

    `function` is the function itself where it is given, and nothing is imported.
    """

    place: str
    name: str
    weights: Path | None = None
    function: Callable[..., object] | None = None

    @classmethod
    def of(cls, given: "str | Callable[..., nn.Module]", weights: Path | None = None) -> "Factory":
        """The factory that a text or the function itself names.

        Raises SettingsError on a text that names none, and on a function within another one.
        """
        if isinstance(given, str):
            if (named := factory_named(given, weights)) is None:
                raise SettingsError(f"factory {given!r}: give package.module:name or file.py:name")
            return named
        name = str(getattr(given, "__qualname__", ""))
        if not name.isidentifier():
            raise SettingsError(f"factory {name or given!r}: give a function of a module, not a local one")
        place = str(given.__module__)
        if place == "__main__":
            place = os.path.relpath(str(getattr(sys.modules[place], "__file__", "main.py")))
        return cls(place, name, weights, given)

    def __str__(self) -> str:
        return f"{self.place}:{self.name}"


def factory_named(text: object, weights: Path | None = None) -> Factory | None:
    """The factory that `package.module:name` or `path/to/file.py:name` names; None for any other text."""
    found = _NAMED.fullmatch(str(text)) if isinstance(text, str | Path) else None
    if found is None or os.path.lexists(str(text)):
        return None
    return Factory(found["place"], found["name"], weights)


@dataclass(frozen=True, slots=True)
class Built:
    """A network from a factory.

    `stored` is what its checkpoint says beside the weights, if it is one of ours; `notes` say how the weights
    were found.
    """

    network: nn.Module
    stored: OwnCheckpoint | None = None
    notes: tuple[str, ...] = ()


def build(factory: Factory) -> nn.Module:
    """Builds the network as `build_described` does, which Raises likewise."""
    return build_described(factory).network


def build_described(factory: Factory) -> Built:
    """Builds the network and loads its weights. Runs the code of the factory's module.

    A checkpoint of ours gives the function's keyword arguments, if it names the same function.

    Raises NetworkError on a module that cannot be imported, on an unsuitable function, and on weights that
    do not fit the network; CheckpointError on a file of weights that cannot be read.
    """
    if factory.weights is None:
        return Built(build_with(factory, {}))
    content, texts = read_file(factory.weights)
    stored = read_own(factory.weights, texts)
    arguments = _arguments(factory, stored)
    network = build_with(factory, arguments)
    notes = _load(factory, network, factory.weights, content)
    if stored is not None and arguments:
        notes = (f"built as {stored.call}, with the arguments in {factory.weights}", *notes)
    return Built(network, stored, notes)


def build_with(factory: Factory, arguments: Mapping[str, Argument]) -> nn.Module:
    """What the function gives for these keyword arguments. Raises NetworkError as above."""
    function = factory.function or _found(factory, _imported(factory))
    _check_arguments(factory, function, arguments)
    made = _called(factory, function, arguments)
    if not isinstance(made, nn.Module):
        raise NetworkError(
            f"{factory} returns a {type(made).__name__}, not a torch.nn.Module: return the network"
        )
    return made


# --- The function


def _imported(factory: Factory) -> ModuleType:
    path = Path(factory.place) if factory.place.endswith(".py") else None
    if path is not None and not os.path.isfile(path):  # noqa: PTH113 - Path's raises on odd names
        raise NetworkError(f"{factory}: {path} does not exist: check its name")
    folder = str(Path.cwd() if path is None else path.resolve().parent)
    sys.path.insert(0, folder)  # as for a script: it can import its neighbours
    try:
        return importlib.import_module(factory.place) if path is None else _run(path)
    except (Exception, SystemExit) as error:  # user code can raise anything
        raise NetworkError(f"{factory}: {factory.place} cannot be imported ({_reason(error)})") from error
    finally:
        sys.path.remove(folder)


def _run(path: Path) -> ModuleType:
    name = f"_own_{path.stem}"  # shadows no other module
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # a file that ends in .py has a loader
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def _found(factory: Factory, module: ModuleType) -> Callable[..., object]:
    function = getattr(module, factory.name, None)
    if not callable(function):
        own = [name for name, value in vars(module).items() if _is_own(module, value)]
        raise NetworkError(f"{factory.place} has no function {factory.name}: it has {listed(own) or 'none'}")
    found: Callable[..., object] = function
    return found


def _check_arguments(
    factory: Factory, function: Callable[..., object], arguments: Mapping[str, Argument]
) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some functions written in C have no signature
        return
    needed = [
        each.name
        for each in signature.parameters.values()
        if each.default is each.empty
        and each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}
        and each.name not in arguments
    ]
    if needed:
        raise NetworkError(
            f"{factory} needs arguments ({', '.join(needed)}): name a function without arguments"
        )
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise NetworkError(f"{factory} does not take the arguments that are stored ({error})") from error


def _is_own(module: ModuleType, value: object) -> bool:
    return callable(value) and getattr(value, "__module__", None) == module.__name__


def _called(factory: Factory, function: Callable[..., object], arguments: Mapping[str, Argument]) -> object:
    try:
        return function(**arguments)
    except (Exception, SystemExit) as error:  # as above
        raise NetworkError(f"{factory} fails ({_reason(error)})") from error


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")


# --- Its weights


def _load(factory: Factory, network: nn.Module, path: Path, content: object) -> tuple[str, ...]:
    """Loads the weights; gives notes on how they were found.

    Raises NetworkError unless exactly one set of tensors in the file fits the network.
    """
    own = network.state_dict()
    tensors, notes = fitting_weights(path, content, own, str(factory))
    for name, value in tensors.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise NetworkError(f"{path}: tensor {name} holds NaN or infinity: give an earlier checkpoint")
    # Inference does not read batch norm's counters, and old files lack them.
    counters = {name: value for name, value in own.items() if name.endswith(COUNTER)}
    network.load_state_dict(counters | tensors)
    return notes


def _arguments(factory: Factory, stored: OwnCheckpoint | None) -> Mapping[str, Argument]:
    """The arguments in a checkpoint of a function of that name; none for another function.

    The module may have another name now: a file is moved, or imported from a package.
    """
    if stored is None or stored.factory is None or stored.factory.rpartition(":")[2] != factory.name:
        return {}
    return stored.arguments
