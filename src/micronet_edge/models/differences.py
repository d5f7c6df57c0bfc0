"""Describes how a set of tensors differs from every variant, and what the user can do about it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from micronet_edge.errors import CheckpointError
from micronet_edge.models.family import FAMILY
from micronet_edge.models.micronet import check_class_count, tensor_shapes
from micronet_edge.util.text import listed, plural

COUNTER = "num_batches_tracked"
_CLASSES_OF = "classifier.logits.linear.weight"
_STEM = "features.stem.vertical.weight"
_SHOWN = 3
_QAT = re.compile(r"fake_quant|activation_post_process|observer")

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Differences:
    """The differences between a file and a variant: names missing, of another shape, or unknown."""

    found: dict[str, Shape]
    expected: dict[str, Shape]
    missing: tuple[str, ...]
    changed: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def count(self) -> int:
        return len(self.missing) + len(self.changed) + len(self.unknown)

    def lines(self) -> list[str]:
        """A description of each difference."""
        return [
            *(f"{name} is missing, expected shape {list(self.expected[name])}" for name in self.missing),
            *(
                f"{name} is of shape {list(self.found[name])}, expected shape {list(self.expected[name])}"
                for name in self.changed
            ),
            *(f"{name!r} is unknown" for name in self.unknown),
        ]


def misfit(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str | None:
    """Why tensors do not fit a network's own, in short; None if they do. Counters may be missing."""
    missing = [name for name in own if name not in given and not name.endswith(COUNTER)]
    unknown = [name for name in given if name not in own]
    other = [name for name in own if name in given and own[name].shape != given[name].shape]
    if missing:
        return f"it lacks {plural(len(missing), 'tensor')} ({listed(missing)})"
    if unknown:
        return f"it holds {plural(len(unknown), 'tensor')} that the network lacks ({listed(unknown)})"
    if other:
        first = other[0]
        return f"{first} is {list(given[first].shape)} there, {list(own[first].shape)} in the network"
    return None


def identify(path: Path, tensors: dict[str, Tensor]) -> tuple[str, int]:
    """Identifies the variant and the number of classes of tensors with our names.

    Raises CheckpointError if they fit no variant, with the differences and the advice.
    """
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    head = shapes.get(_CLASSES_OF) or (0,)
    if _CLASSES_OF not in shapes and not any(name.startswith("features.") for name in shapes):
        example = next(iter(shapes), None)
        found = f"{len(shapes)} tensors, the first of them {example!r}" if example else "no tensors"
        raise CheckpointError(
            f"{path} is not a MicroNet: found {found}, expected one of {', '.join(FAMILY)}: give a "
            "checkpoint of one"
        )
    if _CLASSES_OF in shapes and head[0] == 0:
        raise CheckpointError(f"{path} has a classifier of 0 classes: give a trained checkpoint")
    differences = {name: _differences(shapes, name, head[0] or None) for name in FAMILY}
    best = min(differences, key=lambda name: differences[name].count)
    if differences[best].count:
        raise CheckpointError(_refusal(path, best, differences[best]))
    check_class_count(head[0])
    return best, head[0]


def _differences(found: dict[str, Shape], variant: str, classes: int | None) -> _Differences:
    expected = {
        name: (classes, *shape[1:]) if classes and name.startswith("classifier.logits") and shape else shape
        for name, shape in tensor_shapes(variant).items()
    }
    return _Differences(
        found=found,
        expected=expected,
        missing=tuple(name for name in expected if name not in found and not name.endswith(COUNTER)),
        changed=tuple(name for name, shape in expected.items() if name in found and found[name] != shape),
        unknown=tuple(name for name in found if name not in expected),
    )


def _refusal(path: Path, variant: str, found: _Differences) -> str:
    lines = found.lines()
    return (
        f"{path} fits no variant; the nearest is {variant}, where {'; '.join(lines[:_SHOWN])} "
        f"(differences in all: {found.count}): {_advice(variant, found)}"
    )


# --- What to do


def _advice(variant: str, found: _Differences) -> str:
    for applies, advice in _KINDS:
        if applies(found):
            return advice.format(variant=variant)
    return "give an unmodified MicroNet checkpoint"


def _backbone_alone(found: _Differences) -> bool:
    heads = {name for name in found.expected if name.startswith("classifier.") and not name.endswith(COUNTER)}
    return set(found.missing) == heads and not found.changed


def _other_head(found: _Differences) -> bool:
    return not any(name.startswith("features.") for name in (*found.missing, *found.changed, *found.unknown))


def _of_training(found: _Differences) -> bool:
    return any(_QAT.search(name) for name in found.unknown)


def _other_colors(found: _Differences) -> bool:
    shape = found.found.get(_STEM, ())
    return found.changed == (_STEM,) and found.count == 1 and shape[1:2] != found.expected[_STEM][1:2]


def _other_activation(found: _Differences) -> bool:
    coefficients = {name for name in found.expected if ".squeeze." in name or ".excite." in name}
    return set(found.missing) == coefficients and not found.changed


def _more(found: _Differences) -> bool:
    return not found.missing and not found.changed


_KINDS: tuple[tuple[Callable[[_Differences], bool], str], ...] = (
    (
        _of_training,
        (
            "it was saved from a network prepared for quantization-aware training: load its weights into the "
            "float network (strict=False) and save that state_dict(); `quantize` finds the ranges itself"
        ),
    ),
    (
        _backbone_alone,
        "this is {variant}'s backbone without a classifier: give the checkpoint of the whole network",
    ),
    (
        _more,
        "it holds all of {variant} and more: save the state_dict() without the unknown tensors",
    ),
    (
        _other_head,
        (
            "only the head differs, the backbone is {variant}'s: write a function that builds this network, "
            "and give file.py:name with --weights and this file"
        ),
    ),
    (
        _other_colors,
        (
            "only the stem differs, for images with another number of channels: this tool takes three; for "
            "grey images, repeat the weight for red, green and blue, divided by 3, with one --mean and --std"
        ),
    ),
    (
        _other_activation,
        (
            "the weights of every Dynamic Shift-Max are missing, so the network has another activation: "
            "this tool supports MicroNet with Dynamic Shift-Max only"
        ),
    ),
)
