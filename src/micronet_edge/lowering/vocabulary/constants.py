"""What a call gives where its tensors are constants: a constant."""

from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.node import map_aggregate

from micronet_edge.lowering.ir.graph import batch_axis, dtype_of, module_of, shape_of
from micronet_edge.lowering.ir.places import called
from micronet_edge.lowering.vocabulary.writer import Writer

_LIKE_ANOTHER = {"type_as", "to", "expand_as", "view_as", "reshape_as"}
"""Methods that read of a second tensor only its type or its shape."""


def is_constant(node: fx.Node, args: tuple[object, ...], kwargs: dict[str, object]) -> bool:
    """Whether the call, with these arguments, gives the same for every input."""
    read: Any = args[:1] if called(node) in _LIKE_ANOTHER else (args, kwargs)
    found: list[object] = []
    map_aggregate(read, found.append)
    holds_tensor = any(isinstance(each, Tensor) for each in found)
    return holds_tensor and not any(isinstance(each, fx.Node) for each in found)


def folded(write: Writer, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    """What the call computes of constants, for one sample.

    Raises LoweringError where that depends on how many samples there are.
    """
    node = write.node
    computed = [each for each in node.all_input_nodes if each.op != "get_attr"]
    grows = any(batch_axis(each) is not None for each in computed)
    given: Any = (args, kwargs)
    values, named = map_aggregate(given, _value)
    with torch.no_grad():
        result = _call(node, values, named)
    alone = called(node) in _LIKE_ANOTHER
    if isinstance(result, Tensor):
        if tuple(result.shape) != write.shape or (grows and write.axis is None and not alone):
            raise write.refusal("it depends on the number of samples: a file computes every sample by itself")
        return result
    return tuple(result) if isinstance(result, list) else result


def _call(node: fx.Node, args: Any, kwargs: Any) -> Any:  # noqa: ANN401 - of any function
    layer = module_of(node)
    if layer is not None:
        return layer(*args, **kwargs)
    if isinstance(node.target, str):
        return getattr(args[0], node.target)(*args[1:], **kwargs)
    assert callable(node.target)
    return node.target(*args, **kwargs)


def _value(each: Any) -> Any:  # noqa: ANN401
    """Copies of constants, as the call may write into them; another tensor's type and shape."""
    if isinstance(each, fx.Node):
        return torch.zeros(shape_of(each), dtype=dtype_of(each))
    return each.clone() if isinstance(each, Tensor) else each
