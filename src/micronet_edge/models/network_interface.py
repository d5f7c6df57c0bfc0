"""The inputs and outputs of a user's network: found by running it once, and named."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from keyword import iskeyword

import torch
from torch import Tensor, fx, nn

from micronet_edge.data.samples import noise
from micronet_edge.data.signature import Samples, Signature, TensorSpec
from micronet_edge.errors import NetworkError, SettingsError
from micronet_edge.models.forward_arguments import Arguments, arguments_of, check_needed
from micronet_edge.settings import InputShapes
from micronet_edge.util.text import listed, plural
from micronet_edge.util.threads import one_thread

_NETWORK = "network"
_Key = str | int


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of a network.

    Attributes:
        by_name: whether they are passed by name instead of in order.
        given: whether a person gave their shapes.
    """

    specs: tuple[TensorSpec, ...]
    by_name: bool = False
    given: bool = False


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
    found = arguments_of(network)
    arguments, given = found.names, len(shapes)
    if isinstance(shapes, Mapping):
        specs = tuple(TensorSpec(each, tuple(shape)) for each, shape in shapes.items())
        if _are_arguments(name, found, list(shapes)):
            specs = tuple(sorted(specs, key=lambda spec: arguments.index(spec.name)))
            names = [spec.name for spec in specs]
            check_needed(name, found.needed, names)
            by_name = names != arguments[:given] or not found.by_name.isdisjoint(names)
            return Inputs(specs, by_name, given=True)
    else:
        names = arguments if given <= len(arguments) else [f"input{i}" for i in range(given)]
        specs = tuple(TensorSpec(each, tuple(shape)) for each, shape in zip(names, shapes, strict=False))
    if given > len(arguments) and not found.any_number:
        raise SettingsError(
            f"{name} takes {plural(len(arguments), 'input')} ({listed(arguments)}), not {given}: give "
            "--input-shape once for each"
        )
    check_needed(name, found.needed, arguments[:given])
    return Inputs(specs, not found.by_name.isdisjoint(arguments[:given]), given=True)


def check_one_input(name: str, network: nn.Module) -> None:
    """Raises SettingsError on a network that needs several inputs, whose shapes must then be given."""
    needed = arguments_of(network).needed
    check_needed(name, needed, needed[:1])


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


def _are_arguments(name: str, found: Arguments, names: Sequence[str]) -> bool:
    """Whether the names are those of arguments, not of a person's own choice.

    Raises SettingsError on a mixture, and on other names for arguments that are passed by name only.
    """
    known = [each in found.names for each in names]
    if any(known) and not all(known):
        raise SettingsError(
            f"{name} takes {listed(found.names)}, not {listed(names)}: give the names of its arguments, or "
            "names of your own for all"
        )
    if not any(known) and found.by_name.intersection(found.names[: len(names)]):
        raise SettingsError(
            f"{name} takes {listed(found.names)}, some of them by name only: give these names, not "
            f"{listed(names)}"
        )
    return all(known)


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
        raise NetworkError(
            f"{name} cannot take {shapes}: {reason}{_advice(network, reason, inputs)}"
        ) from error


def _advice(network: nn.Module, reason: str, inputs: Inputs) -> str:
    """The next step after an input of the wrong type or shape."""
    if (
        any(isinstance(module, nn.Embedding | nn.EmbeddingBag) for module in network.modules())
        or "Long" in reason
    ):
        return ": only float inputs are exported, no tokens or indices: give the network what follows them"
    if inputs.given:
        return ": give shapes that its layers take"
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
