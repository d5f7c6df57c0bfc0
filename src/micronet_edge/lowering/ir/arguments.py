"""The arguments of forward that are the network's inputs."""

import inspect
from collections.abc import Callable

from micronet_edge.errors import LoweringError


def argument_names(forward: Callable[..., object], count: int) -> list[str]:
    """The names of as many arguments. Raises LoweringError where forward takes more or fewer."""
    parameters = list(inspect.signature(forward).parameters.values())[1:]
    takes = [each for each in parameters if each.kind in {each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD}]
    needed = sum(each.default is each.empty for each in takes)
    rest = next((each.name for each in parameters if each.kind == each.VAR_POSITIONAL), None)
    if count < needed or (count > len(takes) and rest is None):
        names = ", ".join(each.name for each in takes)
        raise LoweringError(f"forward takes {needed} inputs ({names}), but {count} are given")
    return [
        takes[place].name if place < len(takes) else f"{rest}{place - len(takes)}" for place in range(count)
    ]
