"""A tracer that computes along, so that forward may look at shapes, types and lengths."""

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.fx.node import map_aggregate
from torch.fx.proxy import Attribute

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.arguments import argument_names
from micronet_edge.lowering.ir.places import OWNER, PLACE, place_now
from micronet_edge.models import ChannelShuffle, DynamicShiftMax

_OURS = __name__.rpartition(".")[0]

VALUE = "value"
"""The key in a node's meta for what it gives for the example inputs, while a network is traced."""

_TRACED_INTO = (
    nn.Sequential,
    nn.Transformer,
    nn.TransformerEncoder,
    nn.TransformerDecoder,
    nn.TransformerEncoderLayer,
    nn.TransformerDecoderLayer,
)
"""Layers of torch.nn that are nothing but other layers of torch.nn."""

_READS_NUMBERS = {"item", "tolist", "numpy", "__bool__", "__float__", "__int__", "__index__", "__array__"}
_READS_NO_NUMBERS = {
    "size",
    "dim",
    "ndimension",
    "numel",
    "nelement",
    "stride",
    "is_contiguous",
    "is_floating_point",
    "is_complex",
    "is_signed",
    "get_device",
    "element_size",
    "storage_offset",
    "is_tensor",
    "is_same_size",
    "type",
    "__len__",
}


class Valued(fx.Proxy):
    """A tensor, or a tuple of some, with the numbers that it has for the example inputs."""

    def __init__(self, node: fx.Node, tracer: "ValuedTracer", value: object) -> None:
        super().__init__(node, tracer)
        self.value = value
        self.version = _version(value)

    def __getattr__(self, k: str) -> Any:  # noqa: ANN401 - whatever a tensor has
        value = getattr(self.value, k)
        if isinstance(value, Tensor):
            return self.tracer.create_proxy("call_function", getattr, (self, k), {})
        return Attribute(self, k) if callable(value) else value

    def __len__(self) -> int:
        assert isinstance(self.value, Tensor | tuple | list)
        return len(self.value)

    def __iter__(self) -> Iterator["fx.Proxy"]:
        return iter(
            [
                self.tracer.create_proxy("call_function", operator.getitem, (self, i), {})
                for i in range(len(self))
            ]
        )

    def __iadd__(self, other: object) -> fx.Proxy:
        return self._in_place("add", other)

    def __isub__(self, other: object) -> fx.Proxy:
        return self._in_place("sub", other)

    def __imul__(self, other: object) -> fx.Proxy:
        return self._in_place("mul", other)

    def __itruediv__(self, other: object) -> fx.Proxy:
        return self._in_place("truediv", other)

    def _in_place(self, name: str, other: object) -> fx.Proxy:
        target = getattr(operator, f"i{name}")
        proxy: fx.Proxy = self.tracer.create_proxy("call_function", target, (self, other), {}, name)
        return proxy

    def __setitem__(self, place: object, value: object) -> None:
        raise _assigns()

    def __bool__(self) -> bool:
        if isinstance(self.value, Tensor):
            raise _reads_numbers("a condition")
        return bool(self.value)

    def __contains__(self, _: object) -> bool:
        raise _reads_numbers("in")

    def __float__(self) -> float:
        raise _reads_numbers("float")

    def __int__(self) -> int:
        raise _reads_numbers("int")

    def __index__(self) -> int:
        raise _reads_numbers("an index")


class ValuedTracer(fx.Tracer):
    """Records what forward does to the example inputs, and does it.

    Our activation, our shuffle, the layers that passes make and those of torch.nn are leaves, so that passes
    see whole layers, and tracing a lowered network again changes nothing. What forward computes from
    parameters alone is a constant.
    """

    def __init__(self, examples: tuple[Tensor, ...]) -> None:
        super().__init__()
        self._examples = examples
        self._made: list[nn.Module] = []
        self._constants: dict[tuple[int, int], tuple[Tensor, str]] = {}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        if isinstance(m, DynamicShiftMax | ChannelShuffle) or type(m).__module__.startswith(_OURS):
            return True
        return not isinstance(m, _TRACED_INTO) and super().is_leaf_module(m, module_qualified_name)

    def create_args_for_root(
        self,
        root_fn: Callable[..., object],
        is_module: bool,  # noqa: ARG002, FBT001 - PyTorch's signature
        concrete_args: object = None,  # noqa: ARG002
    ) -> tuple[Callable[..., object], list[object]]:
        names = argument_names(root_fn, len(self._examples))
        args: list[object] = [self.root]
        for name, example in zip(names, self._examples, strict=True):
            node = self.create_node("placeholder", name, (), {})
            node.meta[VALUE] = example
            args.append(Valued(node, self, example))
        return (lambda *given: _unpacked(root_fn(*given))), args

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: object) -> Any:  # noqa: ANN401, ARG002
        return attr_val

    def call_module(
        self,
        m: nn.Module,
        forward: Callable[..., object],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> object:
        if not _holds_proxy((args, kwargs)):
            return forward(*args, **kwargs)
        assert self.submodule_paths is not None
        if m not in self.submodule_paths:  # made in forward
            self._made.append(m)
            self.submodule_paths[m] = f"made{len(self._made)}"
            self.root.add_module(self.submodule_paths[m], m.eval())
        return super().call_module(m, forward, args, kwargs)

    def create_proxy(  # noqa: PLR0913 - PyTorch's signature
        self,
        kind: str,
        target: Any,  # noqa: ANN401
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        name: str | None = None,
        type_expr: object = None,
        proxy_factory_fn: object = None,  # noqa: ARG002
    ) -> Any:  # noqa: ANN401 - what does not depend on numbers is no proxy
        called = _function_called(kind, target)
        if called in _READS_NUMBERS:
            raise _reads_numbers(called)
        if called == "__setitem__":
            raise _assigns()
        if called == "squeeze":
            target, args, kwargs = _squeezing(target, *args, **kwargs)
        arguments, named = self.create_arg(args), self.create_arg(kwargs)
        value = self._value(kind, target, args, kwargs)
        if not _is_tensors(value):
            if called in _READS_NO_NUMBERS or value is None:
                return value
            raise _reads_numbers(called)
        node = self.create_node(kind, target, arguments, named, name, type_expr)
        node.meta |= {PLACE: place_now(), OWNER: self.scope.module_path.replace(".", "/"), VALUE: value}
        proxy = Valued(node, self, value)
        self._rebind(args, proxy)
        return proxy

    def create_arg(self, a: Any) -> Any:  # noqa: ANN401 - PyTorch's signature
        if isinstance(a, Valued):
            if a.version != _version(a.value):
                raise LoweringError(
                    f"forward changes numbers of a tensor in place through a part of it, read at "
                    f"{place_now()}: make a new tensor, by torch.cat for instance"
                )
            return a.node
        if isinstance(a, Tensor):
            return self.create_node("get_attr", self._constant(a), (), {})
        return super().create_arg(a.item() if isinstance(a, np.generic) else a)

    def _constant(self, tensor: Tensor) -> str:
        key = (id(tensor), tensor._version)  # noqa: SLF001 - whether it was changed in place since
        if key not in self._constants:
            name = f"_traced_constant{len(self._constants)}"
            self.root.register_buffer(name, tensor.detach().clone(), persistent=False)
            self._constants[key] = tensor, name  # kept, so that no other one gets its id
        return self._constants[key][1]

    def _value(self, kind: str, target: Any, args: Any, kwargs: Any) -> object:  # noqa: ANN401
        values: Any = map_aggregate(args, _value_of)
        named: Any = map_aggregate(kwargs, _value_of)
        match kind:
            case "call_function":
                return target(*values, **named)
            case "call_method":
                return getattr(values[0], target)(*values[1:], **named)
            case _:
                return self.root.get_submodule(target)(*values, **named)

    def _rebind(self, args: tuple[Any, ...], result: Valued) -> None:
        """Where an input was changed in place, who reads it from now on reads the result."""
        for each in args[:1]:
            if isinstance(each, Valued) and each.version != _version(each.value):
                each.node, each.version = result.node, result.version


def _function_called(kind: str, target: object) -> str:
    """The name of the function or method; "" for a layer, whatever its name is."""
    if kind == "call_method":
        return str(target)
    return getattr(target, "__name__", "") if kind == "call_function" else ""


def _squeezing(target: Any, x: Valued, dim: Any = None) -> Any:  # noqa: ANN401
    """The squeeze with the axes that it removes: of a single sample it would remove that of the samples."""
    assert isinstance(x.value, Tensor)
    shape = x.value.shape
    axes = range(len(shape)) if dim is None else (dim,) if isinstance(dim, int) else dim
    removed = tuple(axis for axis in axes if shape[axis] == 1)
    copied = "clone" if isinstance(target, str) else torch.clone
    return (target, (x, removed), {}) if removed else (copied, (x,), {})


def _unpacked(result: Any) -> Any:  # noqa: ANN401
    """What forward gives, with tensors of their own in the place of a tuple of tensors."""
    match result:
        case Valued() if not isinstance(result.value, Tensor):
            return tuple(_unpacked(each) for each in result)
        case dict():
            return {key: _unpacked(each) for key, each in result.items()}
        case tuple() | list():
            return [_unpacked(each) for each in result]
        case _:
            return result


def _value_of(argument: Any) -> Any:  # noqa: ANN401
    return argument.value if isinstance(argument, Valued) else argument


def _version(value: object) -> int:
    return value._version if isinstance(value, Tensor) else 0  # noqa: SLF001 - the only way to see writes


def _is_tensors(value: object) -> bool:
    if isinstance(value, tuple | list):
        held = [each for each in value if each is not None]
        return bool(held) and all(_is_tensors(each) for each in held)
    return isinstance(value, Tensor)


def _holds_proxy(arguments: Any) -> bool:  # noqa: ANN401
    found: list[fx.Proxy] = []
    map_aggregate(arguments, lambda each: found.append(each) if isinstance(each, fx.Proxy) else each)
    return bool(found)


def _reads_numbers(how: str) -> LoweringError:
    return LoweringError(
        f"forward decides by the numbers in a tensor at {place_now()} ({how}): a file computes the same "
        f"operators for every input, so decide by shapes, or compute both and blend them"
    )


def _assigns() -> LoweringError:
    return LoweringError(
        f"forward assigns to a part of a tensor at {place_now()}: make a new one, by torch.cat for instance"
    )
