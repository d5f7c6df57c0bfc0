"""Encoded images in folders and in tar shards, by number.

Both kinds read any image at once, so that all data obey one order. An image of a shard costs one seek and one
read, which is as fast as a file on solid-state disks and from memory; on a spinning or a network disk, copy
the shards to a local one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, Self

import numpy as np
from jaxtyping import Int64

from micronet_edge.errors import SettingsError
from micronet_edge.training.images import ImageStore
from micronet_edge.util.user_files import IMAGE, read_bytes

_MOST_OPEN = 64  # shards a process


class Store(ImageStore, Protocol):
    """A store from which a part can be taken."""

    def selected(self, numbers: Sequence[int]) -> Self:
        """The store of these images alone."""

    def short_name(self, index: int) -> str:
        """The name below the source, which does not depend on the source's place."""

    def size_bytes(self, index: int) -> int:
        """The number of encoded bytes."""


class NameTable:
    """Many names in one piece of memory, which is passed to other processes at once."""

    def __init__(self, names: Sequence[str]) -> None:
        encoded = [name.encode("utf-8", "surrogateescape") for name in names]
        self._text = b"".join(encoded)
        self._ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: int) -> str:
        return self._text[self._ends[index] : self._ends[index + 1]].decode("utf-8", "surrogateescape")


class FolderStore:
    """Image files below a folder."""

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        self._root, self._names = root, NameTable(names)

    def __len__(self) -> int:
        return len(self._names)

    def read(self, index: int) -> bytes:
        """Raises SettingsError as ImageStore says."""
        return read_bytes(self._path(index), IMAGE)

    def name(self, index: int) -> str:
        return str(self._path(index))

    def selected(self, numbers: Sequence[int]) -> "FolderStore":
        return FolderStore(self._root, [self._names[number] for number in numbers])

    def short_name(self, index: int) -> str:
        return self._names[index]

    def size_bytes(self, index: int) -> int:
        """Raises SettingsError on a file that is gone."""
        path = self._path(index)
        try:
            return path.stat().st_size
        except OSError as error:
            raise SettingsError(f"{path} cannot be read ({error.strerror}): check the path") from error

    def _path(self, index: int) -> Path:
        return self._root / self._names[index]


@dataclass(frozen=True, slots=True)
class Members:
    """Images in tar files: in which file, from which byte, how many bytes, under which name."""

    shards: Int64[np.ndarray, " n"]
    offsets: Int64[np.ndarray, " n"]
    sizes: Int64[np.ndarray, " n"]
    names: NameTable = field(repr=False)

    def selected(self, numbers: Sequence[int]) -> "Members":
        chosen = np.asarray(numbers, np.int64)
        names = NameTable([self.names[number] for number in numbers])
        return Members(self.shards[chosen], self.offsets[chosen], self.sizes[chosen], names)


class ShardStore:
    """Images in uncompressed tar files."""

    def __init__(self, paths: Sequence[Path], members: Members) -> None:
        self._open: dict[int, BinaryIO] = {}
        self._paths, self._members = tuple(paths), members

    def __del__(self) -> None:
        for file in self._open.values():
            file.close()

    def __getstate__(self) -> tuple[tuple[Path, ...], Members]:
        return self._paths, self._members  # open files stay in their process

    def __setstate__(self, state: tuple[tuple[Path, ...], Members]) -> None:
        self._open = {}
        self._paths, self._members = state

    def __len__(self) -> int:
        return len(self._members.names)

    def read(self, index: int) -> bytes:
        """Raises SettingsError as ImageStore says."""
        size = self.size_bytes(index)
        try:
            file = self._file(int(self._members.shards[index]))
            file.seek(int(self._members.offsets[index]))
            content = file.read(size)
        except OSError as error:
            raise SettingsError(
                f"{self.name(index)} cannot be read ({error.strerror}): copy the shard again"
            ) from error
        if len(content) < size:
            raise SettingsError(f"{self.name(index)} is cut off: the shard has changed; copy it again")
        return content

    def name(self, index: int) -> str:
        return f"{self._paths[self._members.shards[index]]}: {self._members.names[index]}"

    def selected(self, numbers: Sequence[int]) -> "ShardStore":
        return ShardStore(self._paths, self._members.selected(numbers))

    def size_bytes(self, index: int) -> int:
        return int(self._members.sizes[index])

    def short_name(self, index: int) -> str:
        return f"{self._paths[self._members.shards[index]].name}/{self._members.names[index]}"

    def _file(self, shard: int) -> BinaryIO:
        if shard not in self._open:
            if len(self._open) >= _MOST_OPEN:
                self._open.pop(next(iter(self._open))).close()
            self._open[shard] = self._paths[shard].open("rb")
        return self._open[shard]
