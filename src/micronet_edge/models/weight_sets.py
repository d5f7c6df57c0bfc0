"""Finds the sets of weights in a checkpoint by their tensors' names.

Training scripts nest a state dict in others (`{"model": {"state_dict": ...}}`), and wrappers of networks
prefix each name (`module.`, `model.`, `_orig_mod.`). Neither changes a weight, so both are removed, and a
note says so.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from micronet_edge.errors import CheckpointError
from micronet_edge.models.authors_names import authors_names
from micronet_edge.models.family import FAMILY
from micronet_edge.models.inert_objects import StoredArray
from micronet_edge.util.text import listed

Weights = Literal["ema", "raw"]

_DEEPEST = 3
_MOST_DICTS = 1000
_FEATURES, _CLASSIFIER = "features.", "classifier."
_STEMS = ("0.stem.0.conv.0.weight", "stem.vertical.weight")
"""The name of the first tensor below `features.`, in the authors' naming and in ours."""
_INSIDE_NAMES = re.compile(r"_orig_mod\.|_fsdp_wrapped_module\.|_checkpoint_wrapped_module\.")
_COUNTS = ("total_ops", "total_params")
"""Tensors that the profiler thop adds to every module."""
_EMA = re.compile(r"(^|[^a-z])ema([^a-z]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WeightSet:
    """The tensors of one network by our names, and their place in the file.

    `keys` are those of the enclosing dicts, `prefix` the removed prefix of every name, `inside` what wrappers
    inserted into the names. `left_out` are tensors of the same dict outside the network. `head` is the prefix
    of the classifier, if it is not `classifier.`.
    """

    tensors: dict[str, Tensor]
    keys: tuple[str, ...] = ()
    prefix: str = ""
    inside: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    head: str | None = None

    @property
    def is_ema(self) -> bool:
        """Whether the name of its place says exponential moving average."""
        return _EMA.search(".".join((*self.keys, self.prefix))) is not None

    @property
    def place(self) -> str:
        """Its place in the file, in short."""
        return ".".join((*self.keys, *filter(None, [self.prefix.rstrip(".")]))) or "the file itself"

    @property
    def changes(self) -> str | None:
        """Describes what was removed around the tensors and from their names; None for nothing."""
        found = []
        if self.keys:
            found.append(f"taken from {'.'.join(self.keys)!r}")
        if taken_away := [repr(part) for part in (self.prefix, *self.inside) if part]:
            found.append(f"without {' and '.join(taken_away)} in the tensors' names")
        if self.head:
            found.append(f"with {self.head!r} read as the classifier")
        if self.left_out:
            found.append(f"leaving out tensors outside the network ({listed(self.left_out)})")
        return ", ".join(found) or None


def choose_weights(
    path: Path, content: object, wanted: Weights | None
) -> tuple[WeightSet, Weights | None, tuple[str, ...]]:
    """Chooses the weights to load from a checkpoint's content.

    Given    which are `wanted` if the file holds both an exponential moving average (EMA) and raw weights;
             None takes EMA
    Result   the set; ema or raw, if its place says so; notes on what was loaded and how it was changed
    Raises   CheckpointError on content without tensors, or with more than one network of a kind.
    """
    sets = _weight_sets(path, content)
    chosen, notes = _choose(path, sets, wanted)
    if chosen.changes is not None:
        notes = (*notes, f"{path}: {chosen.changes}")
    both = len({each.is_ema for each in sets}) > 1
    kind: Weights | None = "ema" if chosen.is_ema else "raw" if both else None
    return chosen, kind, notes


def _choose(path: Path, sets: list[WeightSet], wanted: Weights | None) -> tuple[WeightSet, tuple[str, ...]]:
    averaged = [each for each in sets if each.is_ema]
    raw = [each for each in sets if not each.is_ema]
    for kind in (averaged, raw):
        if len(kind) > 1:
            raise CheckpointError(
                f"{path} holds {len(kind)} networks ({listed([each.place for each in kind])}): save only "
                "the one you mean"
            )
    if not averaged or not raw:
        return sets[0], ()
    if wanted is not None:
        return (averaged if wanted == "ema" else raw)[0], ()
    note = (
        f"{path} holds averaged weights (EMA, in {averaged[0].place!r}) and raw ones (in {raw[0].place!r}): "
        "the averaged ones are used; --weights raw selects the others"
    )
    return averaged[0], (note,)


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


def dicts_in(content: Mapping[object, object]) -> Iterator[tuple[tuple[str, ...], Mapping[object, object]]]:
    """The dict and those nested in it, outer ones first, to the depth of checkpoints."""
    level: list[tuple[tuple[str, ...], Mapping[object, object]]] = [((), content)]
    given = 0
    for _ in range(_DEEPEST + 1):
        below = []
        for keys, mapping in level:
            if (given := given + 1) > _MOST_DICTS:
                return
            yield keys, mapping
            below += [
                ((*keys, str(key)), value) for key, value in mapping.items() if isinstance(value, Mapping)
            ]
        level = below


def tensors_of(mapping: Mapping[object, object]) -> dict[str, Tensor]:
    """The tensors directly in the dict, by name."""
    values = {str(name): v.tensor() if isinstance(v, StoredArray) else v for name, v in mapping.items()}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}


def _networks(tensors: dict[str, Tensor], keys: tuple[str, ...]) -> Iterator[WeightSet]:
    """The networks among the tensors, found by their first tensor."""
    inside = tuple(dict.fromkeys(part for name in tensors for part in _INSIDE_NAMES.findall(name)))
    plain = {_INSIDE_NAMES.sub("", name): value for name, value in tensors.items()}
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
        if name.startswith(prefix) and name.rpartition(".")[2] not in _COUNTS
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
    counts = {name for name in plain if name.rpartition(".")[2] in _COUNTS}
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
