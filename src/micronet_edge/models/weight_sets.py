"""Finds the MicroNets in a checkpoint by their tensors' names."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor

from micronet_edge.errors import CheckpointError
from micronet_edge.models.authors_names import authors_names
from micronet_edge.models.family import FAMILY
from micronet_edge.models.wrappings import (
    Weights,
    WeightSet,
    choose,
    dicts_in,
    is_of_a_profiler,
    tensors_of,
    without_inner_wrappers,
)
from micronet_edge.util.text import listed

_FEATURES, _CLASSIFIER = "features.", "classifier."
_STEMS = ("0.stem.0.conv.0.weight", "stem.vertical.weight")
"""The name of the first tensor below `features.`, in the authors' naming and in ours."""


def choose_weights(
    path: Path, content: object, wanted: Weights | None
) -> tuple[WeightSet, Weights | None, tuple[str, ...]]:
    """Chooses the weights to load from a checkpoint's content.

    Given    which are `wanted` if the file holds both an exponential moving average (EMA) and raw weights;
             None takes EMA
    Result   the set; ema or raw, if its place says so; notes on what was loaded and how it was changed
    Raises   CheckpointError on content without tensors, or with more than one network of a kind.
    """
    return choose(path, _weight_sets(path, content), wanted, "--weights raw selects the others")


def _weight_sets(path: Path, content: object) -> list[WeightSet]:
    """Every set of tensors with a MicroNet's first tensor; if there is none, the largest set."""
    if not isinstance(content, Mapping):
        raise CheckpointError(
            f"{path} holds a {type(content).__name__}, not a dict of tensors: save the network's state_dict()"
        )
    others, found = [], []
    for keys, mapping in dicts_in(content):
        tensors = tensors_of(mapping)
        sets = list(_networks(tensors, keys))
        found += sets
        if tensors and not sets:
            others.append(WeightSet(_our_names(tensors), keys))
    if not found and not others:
        shown = listed([repr(str(key)) for key in content]) or "nothing"
        raise CheckpointError(f"{path} holds no tensors, only {shown}: save the network's state_dict()")
    return found or [max(others, key=lambda each: len(each.tensors))]


def _networks(tensors: dict[str, Tensor], keys: tuple[str, ...]) -> Iterator[WeightSet]:
    """The networks among the tensors, found by their first tensor."""
    plain, inside = without_inner_wrappers(tensors)
    for stem in _STEMS:
        for first in [name for name in plain if name.endswith(stem)]:
            before = first.removesuffix(stem)
            if not before or before.endswith("."):
                yield _network(plain, keys, inside, before)


def _network(
    plain: dict[str, Tensor], keys: tuple[str, ...], inside: tuple[str, ...], before: str
) -> WeightSet:
    """The network whose feature tensors all have the prefix `before`."""
    whole = before == _FEATURES or before.endswith("." + _FEATURES)
    prefix, added = (before.removesuffix(_FEATURES), "") if whole else (before, _FEATURES)
    own = {
        added + name.removeprefix(prefix): value
        for name, value in plain.items()
        if name.startswith(prefix) and not is_of_a_profiler(name)
    }
    outside = {name: value for name, value in plain.items() if not name.startswith(prefix)}
    head = None
    if not any(name.startswith(_CLASSIFIER) for name in own):
        head = _head({**outside, **own})
    if head is not None:
        moved = {name: v for name, v in {**own, **outside}.items() if name.startswith(head)}
        own = {name: value for name, value in own.items() if name not in moved}
        own |= {_CLASSIFIER + name.removeprefix(head): value for name, value in moved.items()}
        outside = {name: value for name, value in outside.items() if name not in moved}
    counts = {name for name in plain if is_of_a_profiler(name)}
    return WeightSet(
        tensors=_our_names(own),
        keys=keys,
        prefix=prefix,
        inside=inside,
        left_out=tuple(name for name in plain if name in outside or name in counts),
        head=head,
    )


def _head(tensors: dict[str, Tensor]) -> str | None:
    """The prefix instead of `classifier.` of all of a classifier's tensors, and no others."""
    for start in dict.fromkeys(name.partition(".")[0] + "." for name in tensors):
        found = {name.removeprefix(start) for name in tensors if name.startswith(start)}
        if any(needed <= found <= every for needed, every in _heads()):
            return start
    return None


def _heads() -> Iterator[tuple[set[str], set[str]]]:
    """The classifier's tensors, without and with counters, in the authors' naming and in ours."""
    names = authors_names(next(iter(FAMILY)))
    for naming in (names, names.values()):
        every = {name.removeprefix(_CLASSIFIER) for name in naming if name.startswith(_CLASSIFIER)}
        yield {name for name in every if not name.endswith("num_batches_tracked")}, every


def _our_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    names = {theirs: ours for variant in FAMILY for theirs, ours in authors_names(variant).items()}
    return {names.get(name, name): value for name, value in tensors.items()}
