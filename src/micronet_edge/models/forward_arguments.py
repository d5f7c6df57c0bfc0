"""The arguments of a network's `forward`, and which inputs they need."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from micronet_edge.errors import SettingsError
from micronet_edge.util.text import listed


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of `forward`.

    Attributes:
        names: of all but those that stand for any number.
        needed: those without a default.
        by_name: those that are passed by name only.
        any_number: whether it takes any number of inputs.
    """

    names: list[str]
    needed: list[str]
    by_name: frozenset[str]
    any_number: bool


def arguments_of(network: nn.Module) -> Arguments:
    """The arguments of the network's `forward`."""
    try:
        parameters = list(inspect.signature(network.forward).parameters.values())
    except (TypeError, ValueError):  # of a compiled module
        return Arguments([], [], frozenset(), any_number=True)
    named = [each for each in parameters if each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}]
    return Arguments(
        [each.name for each in named],
        [each.name for each in named if each.default is each.empty],
        frozenset(each.name for each in named if each.kind is each.KEYWORD_ONLY),
        any_number=any(each.kind is each.VAR_POSITIONAL for each in parameters),
    )


def check_needed(name: str, needed: Sequence[str], given: Sequence[str]) -> None:
    """Raises SettingsError if an argument without a default is not given."""
    if missing := [each for each in needed if each not in given]:
        shapes = " ".join(f"--input-shape {each}=..." for each in needed)
        raise SettingsError(
            f"{name} needs {listed(missing)} as well: give {shapes}, such as {needed[0]}=3,64,64"
        )
