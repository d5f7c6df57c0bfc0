"""What to know about images before training on them, one line each."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from micronet_edge.training.examine import Facts
from micronet_edge.training.stores import Store
from micronet_edge.util.text import listed, plural

FEW_IMAGES = 10
"""A class with fewer training images is named in a warning."""

_UNEQUAL = 10  # largest class per smallest
_SHARE_WORTH_KNOWING = 0.01
_SIZES_DIFFER = 2.0
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Part:
    """The images of one part, with their classes and facts."""

    store: Store
    classes: Sequence[int]
    facts: Sequence[Facts]

    def counts(self, labels: Sequence[str]) -> list[int]:
        """The number of images by class."""
        counts = [0] * len(labels)
        for place in self.classes:
            counts[place] += 1
        return counts


def warnings_on(train: Part, validation: Part, labels: Sequence[str]) -> tuple[str, ...]:
    """All warnings. Those on the images' contents come only if they were decoded."""
    lines = [*_on_counts(train.counts(labels), validation.counts(labels), labels)]
    facts = [*train.facts, *validation.facts]
    if not any(each.short_side for each in facts):
        return tuple(lines)
    lines += _on_copies(train, validation)
    lines += _on_kinds(facts)
    lines += _on_sizes(train.facts, validation.facts)
    return tuple(lines)


def _on_counts(train: Sequence[int], validation: Sequence[int], labels: Sequence[str]) -> Iterator[str]:
    few = sorted((count, label) for count, label in zip(train, labels, strict=True) if count < FEW_IMAGES)
    if few:
        named = listed([f"{label!r} ({count})" for count, label in few])
        yield (
            f"{plural(len(few), 'class has', 'classes have')} fewer than {FEW_IMAGES} training images: "
            f"{named}; add some, since a network learns little from so few"
        )
    most, least = max(train), max(min(train), 1)
    if most >= _UNEQUAL * least:
        large, small = labels[train.index(most)], labels[train.index(min(train))]
        yield (
            f"the classes are unequal: {large!r} has {plural(most, 'training image')}, {small!r} has "
            f"{min(train)}; a recipe with balanced = true draws all classes equally often"
        )
    missing = [label for count, label in zip(validation, labels, strict=True) if not count]
    if missing:
        yield (
            f"{plural(len(missing), 'class has', 'classes have')} no validation images: {listed(missing)}; "
            "the accuracy says nothing about them"
        )


def _on_copies(train: Part, validation: Part) -> Iterator[str]:
    """Images with the same pixels."""
    places: dict[str, list[tuple[Part, int]]] = defaultdict(list)
    for part in (train, validation):
        for number, facts in enumerate(part.facts):
            places[facts.sha256].append((part, number))
    groups = [group for group in places.values() if len(group) > 1]
    mixed = [group for group in groups if len({part.classes[number] for part, number in group}) > 1]
    if copies := sum(len(group) - 1 for group in groups):
        yield f"{plural(copies, 'image is a copy', 'images are copies')} of others, with the same pixels"
    for group in mixed[:_SHOWN]:
        named = listed([f"{part.store.short_name(number)}" for part, number in group])
        yield f"the same image is in several classes: {named}; keep the right one"
    if len(mixed) > _SHOWN:
        yield f"{len(mixed) - _SHOWN:,} more images are in several classes"
    both = [group for group in groups if len({id(part) for part, _ in group}) > 1]
    leaked = [item for group in both for item in group if item[0] is validation]
    if leaked:
        names = listed([part.store.short_name(number) for part, number in leaked])
        count = plural(len(leaked), "validation image is", "validation images are")
        yield (
            f"{count} among the training images "
            f"as well: {names}; the accuracy will be too high: take them out of one part"
        )


def _on_kinds(facts: Sequence[Facts]) -> Iterator[str]:
    turned = sum(each.turned for each in facts)
    if turned > _SHARE_WORTH_KNOWING * len(facts):
        yield (
            f"{turned:,} of {plural(len(facts), 'image')} carry an EXIF orientation, which is ignored: they "
            "are trained on as stored, perhaps lying on their side; turn them (mogrify -auto-orient)"
        )
    grey = sum(each.grey for each in facts)
    if _SHARE_WORTH_KNOWING * len(facts) < grey < (1 - _SHARE_WORTH_KNOWING) * len(facts):
        yield (
            f"{grey:,} of {plural(len(facts), 'image')} are grey, the others coloured: if some classes have "
            "more of them, the network learns that difference"
        )


def _on_sizes(train: Sequence[Facts], validation: Sequence[Facts]) -> Iterator[str]:
    sides = [median(each.short_side for each in facts) for facts in (train, validation)]
    if max(sides) >= _SIZES_DIFFER * min(sides):
        yield (
            f"training and validation images differ in size: their median short sides are {sides[0]:g} px "
            f"and {sides[1]:g} px"
        )
