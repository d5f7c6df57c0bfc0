"""What a network gives: its tensors in order, out of whatever holds them."""

from collections.abc import Iterator

from torch import fx

from micronet_edge.errors import LoweringError
from micronet_edge.lowering.ir.graph import batch_axis, shape_of
from micronet_edge.lowering.ir.places import described

NAMES = "names"
"""The key in the output node's meta for the names of the outputs."""


def flatten_outputs(network: fx.GraphModule) -> None:
    """Leaves one node, or a flat tuple of nodes, as what the network gives.

    Raises LoweringError on an output that is no tensor of samples.
    """
    (end,) = (node for node in network.graph.nodes if node.op == "output")
    given = list(_tensors(end.args[0], ()))
    if not given:
        raise LoweringError("the network outputs no tensor")
    names = tuple("/".join(path) for path, _ in given)
    for place, (_, node) in enumerate(given):
        if node.op == "get_attr":
            raise depends_on_no_input(names, place)
        _check_samples(node)
    end.args = (given[0][1] if len(given) == 1 else tuple(node for _, node in given),)
    end.meta[NAMES] = names


def names_of_results(network: fx.GraphModule) -> tuple[str, ...]:
    """The outputs by the keys and places that lead to them, such as "boxes" or "0/1"; "" for the only one."""
    (end,) = (node for node in network.graph.nodes if node.op == "output")
    names: tuple[str, ...] = end.meta[NAMES]
    return names


def depends_on_no_input(names: tuple[str, ...], place: int) -> LoweringError:
    """The error that names the constant among the outputs."""
    if len(names) == 1:
        return LoweringError("the output depends on no input: return what forward computes of its inputs")
    own = "" if names[place].isdecimal() else f" ({names[place]})"
    return LoweringError(
        f"output {place + 1} of {len(names)}{own} depends on no input: leave it out of what forward returns, "
        f"or choose the others with --outputs"
    )


def _tensors(given: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], fx.Node]]:
    match given:
        case fx.Node():
            yield path, given
        case dict():
            for key, each in given.items():
                yield from _tensors(each, (*path, str(key)))
        case tuple() | list():
            for place, each in enumerate(given):
                yield from _tensors(each, (*path, str(place)))
        case None:
            return
        case _:
            raise LoweringError(f"a network must output tensors, not {type(given).__name__}")


def _check_samples(node: fx.Node) -> None:
    if batch_axis(node) != 0 or shape_of(node)[0] != 1:
        raise LoweringError(
            f"{described(node)} is an output whose first axis is not that of the samples: "
            f"return tensors of one row a sample"
        )
