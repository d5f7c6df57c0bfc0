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
from torch import Tensor, nn

from micronet_edge.errors import NetworkError
from micronet_edge.models.checkpoint_files import read_file
from micronet_edge.models.differences import COUNTER
from micronet_edge.models.weight_sets import dicts_in, tensors_of
from micronet_edge.util.text import listed, plural

_NAMED = re.compile(r"(?P<place>.+\.py|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(?P<name>[A-Za-z_]\w*)", re.DOTALL)
_WRAPPERS = re.compile(r"(?:^|(?<=\.))(?:module|_orig_mod)\.")
"""What DataParallel and torch.compile insert into tensor names."""


@dataclass(frozen=True, slots=True)
class Factory:
    """A function without arguments that builds a network: its module, its name, and weights to load."""

    place: str
    name: str
    weights: Path | None = None

    def __str__(self) -> str:
        return f"{self.place}:{self.name}"


def factory_named(text: object, weights: Path | None = None) -> Factory | None:
    """The factory that `package.module:name` or `path/to/file.py:name` names; None for any other text."""
    found = _NAMED.fullmatch(str(text)) if isinstance(text, str | Path) else None
    if found is None or os.path.lexists(str(text)):
        return None
    return Factory(found["place"], found["name"], weights)


def build(factory: Factory) -> nn.Module:
    """Builds the network and loads its weights. Runs the code of the factory's module.

    Raises NetworkError on a module that cannot be imported, on an unsuitable function, and on weights that
    do not fit the network.
    """
    made = _called(factory, _function(factory, _imported(factory)))
    if not isinstance(made, nn.Module):
        raise NetworkError(
            f"{factory} returns a {type(made).__name__}, not a torch.nn.Module: return the network"
        )
    if factory.weights is not None:
        _load(factory, made, factory.weights)
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


def _function(factory: Factory, module: ModuleType) -> Callable[[], object]:
    function = getattr(module, factory.name, None)
    if not callable(function):
        own = [name for name, value in vars(module).items() if _is_own(module, value)]
        raise NetworkError(f"{factory.place} has no function {factory.name}: it has {listed(own) or 'none'}")
    try:
        needed = [
            each.name
            for each in inspect.signature(function).parameters.values()
            if each.default is each.empty and each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}
        ]
    except (TypeError, ValueError):  # some functions written in C have no signature
        needed = []
    if needed:
        raise NetworkError(
            f"{factory} needs arguments ({', '.join(needed)}): name a function without arguments"
        )
    found: Callable[[], object] = function
    return found


def _is_own(module: ModuleType, value: object) -> bool:
    return callable(value) and getattr(value, "__module__", None) == module.__name__


def _called(factory: Factory, function: Callable[[], object]) -> object:
    try:
        return function()
    except (Exception, SystemExit) as error:  # as above
        raise NetworkError(f"{factory} fails ({_reason(error)})") from error


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")


# --- Its weights


def _load(factory: Factory, network: nn.Module, path: Path) -> None:
    """Loads the weights.

    Raises NetworkError unless exactly one set of tensors in the file fits the network.
    """
    content, _ = read_file(path)
    own = network.state_dict()
    found = [tensors_of(each) for _, each in dicts_in(content)] if isinstance(content, Mapping) else []
    # Inference does not read batch norm's counters, and old files lack them.
    counters = {name: value for name, value in own.items() if name.endswith(COUNTER)}
    sets = [counters | _plain(each) for each in found if each]
    if not sets:
        raise NetworkError(f"{path} holds no tensors: save the network's state_dict()")
    fitting = [each for each in sets if _misfit(own, each) is None]
    if len(fitting) > 1:
        raise NetworkError(
            f"{path} holds {len(fitting)} sets of weights for {factory}: save only one of them"
        )
    if not fitting:
        nearest = max(sets, key=lambda each: len(each.keys() & own.keys()))
        raise NetworkError(f"{path} does not fit {factory}: {_misfit(own, nearest)}")
    for name, value in fitting[0].items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise NetworkError(f"{path}: tensor {name} holds NaN or infinity: give an earlier checkpoint")
    network.load_state_dict(fitting[0])


def _plain(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by the network's own names, without what a wrapper inserted into all of them."""
    plain = {_WRAPPERS.sub("", name): value for name, value in tensors.items()}
    return plain if all(_WRAPPERS.search(name) for name in tensors) else tensors


def _misfit(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str | None:
    """Why the tensors do not fit the network; None if they do."""
    missing = [name for name in own if name not in given]
    unknown = [name for name in given if name not in own]
    other = [name for name in own if name in given and own[name].shape != given[name].shape]
    if missing:
        return f"it lacks {plural(len(missing), 'tensor')} ({listed(missing)})"
    if unknown:
        return f"it holds {plural(len(unknown), 'tensor')} that the network lacks ({listed(unknown)})"
    if other:
        first = other[0]
        return f"{first} is {list(given[first].shape)} there, {list(own[first].shape)} in the network"
    return None
