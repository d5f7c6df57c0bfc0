"""Counts a PyTorch network by the operators that run for one image."""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor as TorchTensor
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from micronet_edge.counting import arithmetic
from micronet_edge.counting.arithmetic import BOUND, CLIP, HARD_SIGMOID, HARD_SWISH, MOVEMENT, SCALE_AND_SHIFT
from micronet_edge.counting.count import Count, counted
from micronet_edge.counting.graph import Arithmetic, Graph, Operator, Tensor
from micronet_edge.counting.layer_names import layer_of
from micronet_edge.models.dynamic_shift_max import DynamicShiftMax
from micronet_edge.models.micronet import INPUT_CHANNELS
from micronet_edge.util.threads import one_thread

Tensors = tuple[Tensor, ...]

_ELEMENTWISE = {
    **dict.fromkeys(("add", "sub", "div", "maximum", "minimum", "neg", "relu"), BOUND),
    **dict.fromkeys(("hardtanh", "clamp", "leaky_relu"), CLIP),
    "hardsigmoid": HARD_SIGMOID,
    "hardswish": HARD_SWISH,
    **dict.fromkeys(("native_batch_norm", "_native_batch_norm_legit_no_training"), SCALE_AND_SHIFT),
}
_MOVEMENT = frozenset({"clone", "copy", "index", "index_select", "cat", "gather", "_unsafe_view", "stack"})
_MATRIX_PRODUCTS: dict[str, tuple[int, int]] = {
    "addmm": (1, 1),
    "mm": (0, 1),
    "bmm": (0, 2),
    "baddbmm": (1, 2),
}
"""The index of a matrix product's left input, and the axis of it that is summed over."""

_TRANSPOSED = 6
"""The position of the argument that says whether a convolution is transposed."""


def count(network: nn.Module, given: int | tuple[TorchTensor, ...] = 224) -> Count:
    """Counts the network for one sample; the network stays unchanged.

    Given    the side of a square image of three colours, or an example [1, ...] of each input
    """
    # Runs on real tensors: on the meta device torch uses slow decompositions in Python.
    probe = copy.deepcopy(network).cpu().eval()
    recorder = _Recorder(probe)
    inputs = (torch.zeros(1, INPUT_CHANNELS, given, given),) if isinstance(given, int) else given
    with torch.no_grad(), one_thread(), recorder:
        result = probe(*inputs)
    return counted(recorder.graph(inputs, result))


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]  # untyped in torch
    """Records every operator that runs, with its module."""

    def __init__(self, probe: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._operators: list[Operator] = []
        self._modules: list[str] = []
        self._shift_max: set[str] = set()
        # Keeps all storages alive, since their identity is the key; without data they are small.
        self._names: dict[int, tuple[str, object]] = {}
        self._constants: set[int] = set()
        self._parameters = dict(probe.named_parameters())
        self._buffers = {id(each.untyped_storage()) for each in probe.buffers()}
        for name, tensor in [*self._parameters.items(), *probe.named_buffers()]:
            self._constants.add(self._place(tensor, name))
        for name, module in probe.named_modules():
            self._follow(name.replace(".", "/"), module)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Torch's hook. The default imports torch's compiler only to skip this mode."""
        return False

    def graph(self, inputs: tuple[TorchTensor, ...], result: object) -> Graph:
        read = {tensor.stored for operator in self._operators for tensor in operator.inputs}
        unread = [self._tensor(each) for each in self._parameters.values()]
        return Graph(
            tuple(self._operators),
            tuple(map(self._tensor, inputs)),
            tuple(map(self._tensor, _tensors(result))),
            shift_max_layers=frozenset(self._shift_max),
            unread=tuple(tensor for tensor in unread if tensor.stored not in read),
        )

    def __torch_dispatch__(
        self,
        function: torch._ops.OpOverload,
        types: object,
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        del types
        result = function(*args, **(kwargs or {}))
        if not function.is_view and _has_tensors(args) and _has_tensors(result):
            self._record(function.overloadpacket.__name__, args, (args, kwargs), result)
        return result

    def _record(self, name: str, args: tuple[object, ...], reads: object, result: object) -> None:
        kind = name.rstrip("_")  # in-place operators end in an underscore
        inputs: list[Tensor] = []
        settings: list[Tensor] = []
        for each in _tensors(reads):
            is_setting = id(each.untyped_storage()) in self._buffers
            (settings if is_setting else inputs).append(self._tensor(each))
        outputs = tuple(map(self._tensor, _tensors(result)))
        path = self._modules[-1]
        self._operators.append(
            Operator(
                f"{path}/{kind}",
                layer_of(path),
                kind,
                tuple(inputs),
                outputs,
                _arithmetic(kind, args, (*inputs, *settings), outputs),
                tuple(settings),
            )
        )

    def _follow(self, path: str, module: nn.Module) -> None:
        """Records when the module runs."""

        def enter(_module: nn.Module, _inputs: object) -> None:
            self._modules.append(path)

        def leave(_module: nn.Module, _inputs: object, _result: object) -> None:
            self._modules.pop()

        module.register_forward_pre_hook(enter)
        module.register_forward_hook(leave)
        if isinstance(module, DynamicShiftMax):
            self._shift_max.add(layer_of(path))

    def _tensor(self, tensor: TorchTensor) -> Tensor:
        place = self._place(tensor)
        name = self._names[id(tensor.untyped_storage())][0]
        return Tensor(
            name,
            tuple(tensor.shape),
            tensor.untyped_storage().nbytes(),
            stored=name if place in self._constants else None,
        )

    def _place(self, tensor: TorchTensor, name: str = "") -> int:
        """The tensor's storage, which its views share."""
        storage = tensor.untyped_storage()
        self._names.setdefault(id(storage), (name or f"tensor{len(self._names)}", storage))
        return id(storage)


def _arithmetic(kind: str, args: tuple[object, ...], inputs: Tensors, outputs: Tensors) -> Arithmetic | None:
    if kind in _MOVEMENT:
        return MOVEMENT
    if kind in _ELEMENTWISE:
        return arithmetic.elementwise(outputs[0], _ELEMENTWISE[kind])
    if kind in _MATRIX_PRODUCTS:
        left, summed = _MATRIX_PRODUCTS[kind]
        return arithmetic.matrix_product(outputs[0], (inputs[left].shape or ())[summed])
    return _of_special(kind, args, inputs, outputs[0])


def _of_special(kind: str, args: tuple[object, ...], inputs: Tensors, result: Tensor) -> Arithmetic | None:
    match kind:
        case "convolution" if not args[_TRANSPOSED]:
            return arithmetic.convolution(result, inputs[1])
        case "mul":
            both = len(inputs) > 1
            return arithmetic.multiplication(result) if both else arithmetic.elementwise(result)
        case "mean":
            return arithmetic.mean(inputs[0], result)
        case "sum" | "amax" | "amin":
            return arithmetic.reduction(inputs[0])
        case _:
            return None


def _has_tensors(value: object) -> bool:
    return next(_tensors(value), None) is not None


def _tensors(value: object) -> Iterator[TorchTensor]:
    """All tensors in an operator's arguments or results."""
    if isinstance(value, TorchTensor):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _tensors(each)
    elif isinstance(value, dict):
        yield from _tensors(tuple(value.values()))
