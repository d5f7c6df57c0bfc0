"""Who reads a file: found by entry point, with no more than the file's own runtime.

A target registers an object of the shape of `FileReader` under the group `micronet_edge.readers`. One that
does not is loaded whole instead, with PyTorch and whatever else it needs.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.errors import TargetError
from micronet_edge.targets.session_protocol import FileReader
from micronet_edge.targets.unchanged import check_unchanged
from micronet_edge.util.extras import EXPORT, advice
from micronet_edge.util.journal import settle
from micronet_edge.util.user_files import NETWORK, check_file

ENTRY_POINTS = "micronet_edge.readers"


def find_reader(name: str) -> FileReader:
    """What reads the files of the installed target of that name.

    Raises TargetError on a name that no installed package offers.
    """
    for reader in _light_readers():
        if reader.name == name:
            return reader
    from micronet_edge.targets.registry import find_target

    return find_target(name)


def reader_of(path: Path) -> FileReader:
    """What reads the files whose suffix this one has.

    Raises TargetError on a suffix that no installed target writes.
    """
    for reader in _light_readers():
        if path.suffix == reader.suffix:
            return reader
    try:
        from micronet_edge.targets.registry import target_of
    except ModuleNotFoundError as error:  # PyTorch, which targets need to write files
        known = " or ".join(reader.suffix for reader in _light_readers())
        raise TargetError(
            f"{path}: give a file ending in {known}; to read others, {advice(EXPORT)}"
        ) from error
    return target_of(path)


def _light_readers() -> Iterator[FileReader]:
    from importlib.metadata import entry_points  # takes longer to load than all else that an app imports

    for point in entry_points(group=ENTRY_POINTS):
        with suppress(Exception):  # a stranger's module can fail in any way; its target says what is wrong
            yield point.load()


def checked_reader(path: Path) -> FileReader:
    """What reads the file, after a look at it.

    Raises TargetError on a file that is missing, is not what its manifest says, or is of no target.
    """
    check_file(path, NETWORK)
    check_unchanged(path)
    return reader_of(path)


def read_metadata(path: Path | str) -> FileMetadata:
    """What a file of any target says of itself: labels, preprocessing, variant and origin.

    Raises:
        TargetError: the file is missing, is not what its manifest says, or was not written by this tool.
    """
    path = Path(path)
    settle(path.parent)  # who asks will read the files beside it as well
    return checked_reader(path).read_metadata(path)
