"""What training tools put around a network's weights, and how it comes off.

Training scripts nest a state dict in others (`{"model": {"state_dict": ...}}`), wrappers of networks prefix
each name (`module.`, `model.`, `_orig_mod.`) and add counters of their own. None of that changes a weight, so
all of it is removed, and a note says so.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from micronet_edge.errors import CheckpointError
from micronet_edge.models.checked_tensors import conversion_note
from micronet_edge.models.inert_objects import StoredArray
from micronet_edge.util.text import listed

Weights = Literal["ema", "raw"]

_DEEPEST = 3
_MOST_DICTS = 1000
_INSIDE_NAMES = re.compile(r"_orig_mod\.|_fsdp_wrapped_module\.|_checkpoint_wrapped_module\.")
"""What torch.compile, FSDP and activation checkpointing insert into names, at any place in them."""
_OF_A_PROFILER = ("total_ops", "total_params")
"""Tensors that the profiler thop adds to every module."""
_OF_AN_AVERAGE = "n_averaged"
"""The counter of torch.optim.swa_utils.AveragedModel."""
_AVERAGED = re.compile(r"(^|[^a-z])(ema|swa)([^a-z]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class WeightSet:
    """The tensors of one network by its own names, and their place in the file.

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
        """Whether the name of its place says exponential moving average, or another average."""
        return _AVERAGED.search(".".join((*self.keys, self.prefix))) is not None

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


def choose(
    path: Path, sets: Sequence[WeightSet], wanted: Weights | None, others: str
) -> tuple[WeightSet, Weights | None, tuple[str, ...]]:
    """Chooses the set to load: of averaged weights (EMA) and raw ones the averaged, unless raw is wanted.

    Given    `others`, the advice on how to get those that are not taken
    Result   the set; ema or raw, if its place says so; notes on what was loaded and how it was changed
    Raises   CheckpointError on several networks of a kind.
    """
    averaged = [each for each in sets if each.is_ema]
    raw = [each for each in sets if not each.is_ema]
    for kind in (averaged, raw):
        if len(kind) > 1:
            raise CheckpointError(
                f"{path} holds {len(kind)} networks ({listed([each.place for each in kind])}): save only "
                "the one you mean"
            )
    both = bool(averaged and raw)
    chosen = raw[0] if not averaged or (both and wanted == "raw") else averaged[0]
    notes = []
    if both and wanted is None:
        notes.append(
            f"{path} holds averaged weights (EMA, in {averaged[0].place!r}) and raw ones (in "
            f"{raw[0].place!r}): the averaged ones are used; {others}"
        )
    if chosen.changes is not None:
        notes.append(f"{path}: {chosen.changes}")
    if (converted := conversion_note(path, chosen.tensors)) is not None:
        notes.append(converted)
    return chosen, "ema" if chosen.is_ema else "raw" if both else None, tuple(notes)


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


def without_inner_wrappers(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors without what wrappers insert at any place in their names, and what that was."""
    inside = tuple(dict.fromkeys(part for name in tensors for part in _INSIDE_NAMES.findall(name)))
    return {_INSIDE_NAMES.sub("", name): value for name, value in tensors.items()}, inside


def is_of_a_profiler(name: str) -> bool:
    """Whether a profiler added the tensor to a module."""
    return name.rpartition(".")[2] in _OF_A_PROFILER


def is_of_a_tool(name: str) -> bool:
    """Whether a profiler or an average added the tensor."""
    return is_of_a_profiler(name) or name.rpartition(".")[2] == _OF_AN_AVERAGE
