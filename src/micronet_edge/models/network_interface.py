"""The inputs and outputs of a user's network: found by running it once, and named."""

import inspect
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from keyword import iskeyword

import torch
from torch import Tensor, fx, nn

from micronet_edge.data.samples import noise
from micronet_edge.data.signature import Samples, Signature, TensorSpec
from micronet_edge.errors import NetworkError, SettingsError
from micronet_edge.settings import InputShapes
from micronet_edge.util.text import listed, plural
from micronet_edge.util.threads import one_thread

_NETWORK = "network"
_Key = str | int


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of a network, and whether they are passed by name instead of in order."""

    specs: tuple[TensorSpec, ...]
    by_name: bool = False


@dataclass(frozen=True, slots=True)
class Interface:
    """A network as it is exported, with its inputs and outputs.

    Attributes:
        network: takes the inputs in order; gives a tensor, or several in a tuple.
        signature: of the network.
        plain: whether it is the user's own network, which takes and gives one tensor.
    """

    network: nn.Module
    signature: Signature
    plain: bool


@dataclass(frozen=True, slots=True)
class _Output:
    """A tensor in a network's result: its name, and the keys that lead to it."""

    name: str
    keys: tuple[_Key, ...]
    tensor: Tensor

    @property
    def spec(self) -> TensorSpec:
        return TensorSpec(self.name, tuple(self.tensor.shape[1:]))


def inputs_of(name: str, network: nn.Module, shapes: InputShapes) -> Inputs:
    """The network's inputs, by the shapes that the user gives.

    Shapes without names take those of the arguments of `forward`. If all names are arguments of `forward`,
    they are passed by name; if none is, in order.

    Raises SettingsError on shapes that do not fit the arguments.
    """
    _check_lengths(shapes)
    found = _arguments(network)
    arguments, needed = found.names, found.needed
    if isinstance(shapes, Mapping):
        specs = tuple(TensorSpec(each, tuple(shape)) for each, shape in shapes.items())
        known = [spec.name in arguments for spec in specs]
        if any(known) and not all(known):
            raise SettingsError(
                f"{name} takes {listed(arguments)}, not {listed([s.name for s in specs])}: give the names of "
                "its arguments, or names of your own for all"
            )
        if all(known):
            specs = tuple(sorted(specs, key=lambda spec: arguments.index(spec.name)))
            by_name = [spec.name for spec in specs] != arguments[: len(specs)]
            _check_needed(name, needed, [spec.name for spec in specs])
            return Inputs(specs, by_name)
    else:
        names = arguments if len(shapes) <= len(arguments) else [f"input{i}" for i in range(len(shapes))]
        specs = tuple(TensorSpec(each, tuple(shape)) for each, shape in zip(names, shapes, strict=False))
    if len(specs) > len(arguments) and not found.any_number:
        raise SettingsError(
            f"{name} takes {plural(len(arguments), 'input')} ({listed(arguments)}), not {len(specs)}: give "
            "--input-shape once for each"
        )
    _check_needed(name, needed, arguments[: len(specs)])
    return Inputs(specs)


def check_one_input(name: str, network: nn.Module) -> None:
    """Raises SettingsError on a network that needs several inputs, whose shapes must then be given."""
    needed = _arguments(network).needed
    _check_needed(name, needed, needed[:1])


def find_interface(
    name: str, network: nn.Module, inputs: Inputs, chosen: Sequence[str] = (), example: Samples | None = None
) -> Interface:
    """Runs the network once and finds its outputs.

    Given    its name in messages; names of outputs to choose, or none for all; an example of every input,
             or None for noise
    Raises   NetworkError if it fails or does not give float tensors; SettingsError on unknown outputs.
    """
    result = _run(name, network, inputs, example or noise(inputs.specs, 1))
    found = _unlike_inputs(_tensors(name, result), inputs.specs)
    outputs = _chosen(name, found, chosen)
    for output in outputs:
        _check_output(name, output)
    signature = Signature(inputs.specs, tuple(output.spec for output in outputs))
    if not inputs.by_name and outputs == found and _is_flat(result):
        return Interface(network, signature, plain=isinstance(result, Tensor) and len(inputs.specs) == 1)
    return Interface(_with_interface(network, inputs, outputs), signature, plain=False)


# --- Inputs


@dataclass(frozen=True, slots=True)
class _Arguments:
    """The arguments of `forward`.

    Attributes:
        names: of all but those that stand for any number.
        needed: those without a default.
        any_number: whether it takes any number of inputs.
    """

    names: list[str]
    needed: list[str]
    any_number: bool


def _arguments(network: nn.Module) -> _Arguments:
    try:
        parameters = list(inspect.signature(network.forward).parameters.values())
    except (TypeError, ValueError):  # of a compiled module
        return _Arguments([], [], any_number=True)
    named = [each for each in parameters if each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}]
    return _Arguments(
        [each.name for each in named],
        [each.name for each in named if each.default is each.empty],
        any_number=any(each.kind is each.VAR_POSITIONAL for each in parameters),
    )


def _check_needed(name: str, needed: Sequence[str], given: Sequence[str]) -> None:
    if missing := [each for each in needed if each not in given]:
        shapes = " ".join(f"--input-shape {each}=..." for each in needed)
        raise SettingsError(
            f"{name} needs {listed(missing)} as well: give {shapes}, such as {needed[0]}=3,64,64"
        )


def _check_lengths(shapes: InputShapes) -> None:
    for shape in shapes.values() if isinstance(shapes, Mapping) else shapes:
        if any(type(length) is not int or length < 1 for length in shape):
            raise SettingsError(
                f"input shape {list(shape)}: give whole numbers of 1 or more, without the batch: (3, 64, 64)"
            )


def _run(name: str, network: nn.Module, inputs: Inputs, example: Samples) -> object:
    tensors = [torch.from_numpy(each) for each in example]
    names = [spec.name for spec in inputs.specs]
    try:
        with torch.no_grad(), one_thread():
            if inputs.by_name:
                return network(**dict(zip(names, tensors, strict=True)))
            return network(*tensors)
    except Exception as error:  # user code can raise anything
        reason = " ".join(str(error).split()) or type(error).__name__
        shapes = listed([f"{spec.name} [1{''.join(f', {n}' for n in spec.shape)}]" for spec in inputs.specs])
        raise NetworkError(f"{name} cannot take {shapes}: {reason}{_advice(network, reason)}") from error


def _advice(network: nn.Module, reason: str) -> str:
    """The next step after an input of the wrong type or shape."""
    if (
        any(isinstance(module, nn.Embedding | nn.EmbeddingBag) for module in network.modules())
        or "Long" in reason
    ):
        return ": only float inputs are exported, no tokens or indices: give the network what follows them"
    return ": give --input-shape C,H,W, or NAME=... once for each input"


# --- Outputs


def _tensors(
    name: str, value: object, words: tuple[str, ...] = (), keys: tuple[_Key, ...] = ()
) -> list[_Output]:
    """All tensors in a result, in order: of a tuple, a list, a dict, nested ones; None is left out."""
    if isinstance(value, Tensor):
        return [_Output("_".join(words) or "output0", keys, value)]
    items: list[tuple[str, _Key, object]]
    if value is None:
        items = []
    elif isinstance(value, Mapping):
        items = [(str(key), key, each) for key, each in value.items()]
    elif isinstance(value, tuple | list):
        own = getattr(value, "_fields", None) or [
            f"output{i}" if not words else str(i) for i in range(len(value))
        ]
        items = [(word, place, each) for place, (word, each) in enumerate(zip(own, value, strict=True))]
    else:
        raise NetworkError(
            f"{name} outputs a {type(value).__name__}{' in ' + '_'.join(words) if words else ''}: return "
            "tensors, in a tuple, a list or a dict"
        )
    return [out for word, key, each in items for out in _tensors(name, each, (*words, word), (*keys, key))]


def _unlike_inputs(outputs: list[_Output], specs: Sequence[TensorSpec]) -> list[_Output]:
    """The outputs, with names that no input and no other output has: a file needs that."""
    taken, found = {spec.name for spec in specs}, []
    for output in outputs:
        own = output.name
        while own in taken:
            own += "_out"
        taken.add(own)
        found.append(_Output(own, output.keys, output.tensor))
    return found


def _chosen(name: str, outputs: list[_Output], chosen: Sequence[str]) -> list[_Output]:
    known = {output.name: output for output in outputs}
    if not known:
        raise NetworkError(f"{name} outputs no tensor: return one, or several in a tuple or a dict")
    if unknown := [each for each in chosen if each not in known]:
        raise SettingsError(f"{name} has no output {listed(unknown)}: choose from {', '.join(known)}")
    if len(set(chosen)) < len(chosen):
        raise SettingsError(f"outputs {', '.join(chosen)}: give each once")
    return [known[each] for each in chosen] if chosen else outputs


def _check_output(name: str, output: _Output) -> None:
    tensor = output.tensor
    if tensor.dtype != torch.float32:
        raise NetworkError(
            f"{name}: output {output.name} is {tensor.dtype}, and files give float32 only: choose "
            "other outputs with --outputs, or return it as float"
        )
    if not tensor.ndim or tensor.shape[0] != 1:
        raise NetworkError(
            f"{name}: output {output.name} is {list(tensor.shape)} for a batch of 1: its first axis must be "
            "the batch; choose other outputs with --outputs"
        )
    if not tensor.numel():
        raise NetworkError(f"{name}: output {output.name} is empty, {list(tensor.shape)}: choose others")


def _is_flat(result: object) -> bool:
    """Whether a result is a tensor, or several in a tuple or list."""
    if isinstance(result, tuple | list):
        return len(result) > 1 and all(isinstance(each, Tensor) for each in result)
    return isinstance(result, Tensor)


def _with_interface(network: nn.Module, inputs: Inputs, outputs: Sequence[_Output]) -> fx.GraphModule:
    """A module that calls the network with these inputs and gives these of its outputs.

    It is written as a graph, so that its arguments have the inputs' names and tracing it passes through.
    """
    graph = fx.Graph()
    given = {
        spec.name: graph.placeholder(spec.name if _is_argument(spec.name) else f"input{place}")
        for place, spec in enumerate(inputs.specs)
    }
    if inputs.by_name:
        result = graph.call_module(_NETWORK, kwargs=dict(given))
    else:
        result = graph.call_module(_NETWORK, tuple(given.values()))
    ends = []
    for output in outputs:
        end = result
        for key in output.keys:
            end = graph.call_function(operator.getitem, (end, key))
        ends.append(end)
    graph.output(ends[0] if len(ends) == 1 else tuple(ends))
    return fx.GraphModule(nn.ModuleDict({_NETWORK: network}), graph, type(network).__name__).eval()


def _is_argument(name: str) -> bool:
    return name.isidentifier() and not iskeyword(name)
