"""The labels of a network's classes, from a file or as numbers, and which folder is which class.

The order of the classes is that of training, which no file shows. If labels are only assumed numbers,
folders named by numbers have two readings: by number (0, 1, 2, ..., 10), or as text (0, 1, 10, 2, ...),
as torchvision's ImageFolder trains. Up to ten classes both are the same.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from micronet_edge.errors import SettingsError
from micronet_edge.util.text import listed, plural
from micronet_edge.util.user_files import LABELS, read_text


def numbered(classes: int) -> tuple[str, ...]:
    """The classes' numbers as labels."""
    return tuple(str(number) for number in range(classes))


def are_numbers(labels: Sequence[str]) -> bool:
    """Whether the labels are only the classes' numbers."""
    return list(labels) == list(numbered(len(labels)))


def read_labels(path: Path, classes: int | None = None) -> tuple[str, ...]:
    """Reads the labels in a text file, one per line, ignoring empty lines.

    Given    the number of `classes` they must be for, if it is known
    Raises   SettingsError on a file that cannot be read or has another number of labels.
    """
    lines = read_text(path, LABELS).splitlines()
    labels = tuple(line.strip() for line in lines if line.strip())
    if not labels:
        raise SettingsError(f"labels file {path} holds no labels: give one label per line")
    if classes is not None and len(labels) != classes:
        raise SettingsError(
            f"labels file {path} names {plural(len(labels), 'class', 'classes')}, the network has {classes}: "
            "give one label per line for each class"
        )
    return labels


def repeated_labels_note(labels: Sequence[str]) -> str | None:
    """A warning if several classes share a label; None if all differ."""
    repeated = [(label, count) for label, count in Counter(labels).most_common() if count > 1]
    if not repeated:
        return None
    shown = listed([f"{label!r} {count} times" for label, count in repeated])
    return (
        f"{len(labels)} classes have {len(set(labels))} different labels ({shown}): users cannot tell such "
        "classes apart, and `evaluate` refuses their folders; give --labels FILE with distinct labels"
    )


def check_order(folder: Path, names: Sequence[str], labels: Sequence[str]) -> None:
    """Refuses folders whose order of classes would only be assumed.

    Given    the names of the class folders, and assumed labels
    Raises   SettingsError if the labels are numbers and the two readings of the folders differ.
    """
    if not are_numbers(labels):
        return
    as_text = {name: place for place, name in enumerate(sorted(labels))}
    differing = sorted((name for name in names if name in as_text and as_text[name] != int(name)), key=int)
    if differing:
        first = differing[0]
        raise SettingsError(
            f"{folder}: the order of the {len(labels)} classes is unknown, since the network carries only "
            f"assumed numbers as labels. By number, folder {first!r} is class {first}; as text, in the order "
            f"of ImageFolder (0, 1, 10, 2), it is class {as_text[first]}. Give --labels FILE with the "
            "folders' names in the order of training, one per line (by number: ls DIR | sort -n; as "
            "ImageFolder: ls DIR | LC_ALL=C sort)"
        )


def describe_order(names: Sequence[str], labels: Sequence[str], *, assumed: bool) -> str:
    """Describes in one line which folder is which class and where that order comes from."""
    if assumed:
        return (
            f"classes: folder '{labels[0]}' is class 0, and so on by number, since the network carries only "
            "assumed numbers as labels (--labels FILE sets others); as text the order is the same"
        )
    places = {label: place for place, label in enumerate(labels)}
    pairs = [f"{name!r} is class {places[name]}" for name in names if name in places]
    return f"classes, in the order of the network's labels: {listed(pairs)}"
