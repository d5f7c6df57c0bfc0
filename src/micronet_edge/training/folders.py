"""Finds the images in a folder with one sub-folder for each class."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unicodedata import normalize

from micronet_edge.data.image_files import files_below, is_folder, visible_items
from micronet_edge.errors import SettingsError
from micronet_edge.training.stores import FolderStore, Store
from micronet_edge.util.text import listed

ONE_FOLDER_EACH = "give a folder with a sub-folder of images for each class, named as its label"


@dataclass(frozen=True, slots=True)
class Found:
    """Images of one source with their classes, which are indices into its labels."""

    store: Store = field(repr=False)
    classes: tuple[int, ...] = field(repr=False)
    labels: tuple[str, ...]
    source: Path


def find_in_folders(root: Path) -> Found:
    """The images below a folder's sub-folders; the sub-folders' names in sorted order are the labels.

    The order is that of the characters' codes, as in torchvision's ImageFolder. Images in deeper folders
    belong to the class above.
    Raises SettingsError on images beside the class folders, on class folders without images, and on labels
    that are no text or too alike.
    """
    folders = _class_folders(root)
    labels = tuple(folder.name for folder in folders)
    check_labels(labels, root)
    names: list[str] = []
    classes: list[int] = []
    for place, folder in enumerate(folders):
        files = files_below(folder)
        if not files:
            raise SettingsError(f"the class folder {folder} holds no images: add some, or remove the folder")
        names += [path.relative_to(root).as_posix() for path in files]
        classes += [place] * len(files)
    return Found(FolderStore(root, names), tuple(classes), labels, root)


def check_labels(labels: Sequence[str], source: Path) -> None:
    """Raises SettingsError on labels that are no text, or differ only by case or by their Unicode form."""
    seen: dict[str, str] = {}
    for label in labels:
        try:
            label.encode()
        except UnicodeEncodeError as error:
            raise SettingsError(f"{source}: the class {label!r} is not UTF-8 text: rename it") from error
        alike = normalize("NFC", normalize("NFC", label).casefold())
        if (other := seen.setdefault(alike, label)) != label:
            same = normalize("NFC", other) == normalize("NFC", label)
            how = "their Unicode form" if same else "case"
            raise SettingsError(
                f"{source}: the classes {other!a} and {label!a} differ only by {how}: move the "
                "images into one of them, or rename one"
            )


def _class_folders(root: Path) -> list[Path]:
    items = visible_items(root)
    folders = [item for item in items if is_folder(item)]
    loose = [item for item in items if not is_folder(item)]
    if not items:
        raise SettingsError(f"{root} holds no images: {ONE_FOLDER_EACH}")
    if not folders:
        raise SettingsError(
            f"{root} holds files such as {loose[0].name}, and no class folders: move every image into a "
            "sub-folder named as its label"
        )
    if loose:
        raise SettingsError(
            f"{loose[0]} lies in no class folder: move every image into a sub-folder named as its label"
        )
    return sorted(folders, key=lambda folder: folder.name)


def check_classes(found: Found) -> None:
    """Raises SettingsError on fewer than two classes."""
    if len(found.labels) > 1:
        return
    only = found.source / found.labels[0]
    inner = [item for item in visible_items(only) if is_folder(item)] if is_folder(only) else []
    if len(inner) > 1:
        raise SettingsError(
            f"{found.source} holds one class, {found.labels[0]!r}; the class folders "
            f"({listed([item.name for item in inner])}) seem to lie in {only}: give that"
        )
    raise SettingsError(
        f"{found.source} holds one class, {found.labels[0]!r}: give images of at least two classes"
    )
