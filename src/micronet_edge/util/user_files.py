"""Reads files that the user names: regular files of limited size, or an error of one line.

It never waits for a pipe, reads an endless device or unpacks more than a kind of file may hold. Callers
check the content.
"""

import hashlib
import json
import os
import stat
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from micronet_edge.errors import CheckpointError, MicronetEdgeError, SettingsError, TargetError

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

_NAME_SHOWN = 80
_MOST_WHOLE = 2**63  # beyond 64 bits
_MOST_DIGITS = 19
_MOST_PARTS = 100_000  # of an archive: no network has that many tensors
_ODD_FILES = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: its name in messages, its maximum size, the advice, and the error it raises."""

    name: str
    most_bytes: int
    remedy: str
    error: type[MicronetEdgeError]

    def called(self, path: Path) -> str:
        """The file's name in messages; impossible names are shortened."""
        text = str(path)
        shown = text if len(path.name) <= 4 * _NAME_SHOWN else f"{text[:_NAME_SHOWN]}..."
        return f"{self.name} {shown}".lstrip()


# The largest MicroNet has 5 million weights: 20 MB, with optimizer and average 80 MB.
CHECKPOINT = Kind("checkpoint", 2 * GIB, "give the checkpoint file itself", CheckpointError)
# The limit of protobuf and flatbuffers.
NETWORK = Kind("", 2 * GIB, "give an ONNX or TFLite file", TargetError)
# A few hundred lines of ranges; the biases beside it are part of the network's weights.
RECIPE = Kind("recipe", 64 * MIB, "quantize again to make one", SettingsError)
RECIPE_WEIGHTS = Kind("", 2 * GIB, "quantize again to make the recipe and its weights", SettingsError)
# Five tables of a dozen numbers.
TUNING = Kind("tuning", MIB, "make it again with `tune`", SettingsError)
# One line per class: a million classes of 64 letters.
LABELS = Kind("labels file", 64 * MIB, "give UTF-8 text with one label per line", SettingsError)
# The largest sensors have 200 million pixels: 25 MB as JPEG, a few times that as PNG.
IMAGE = Kind("", GIB, "save it again as a usual image", SettingsError)
# 6,800 preprocessed images of 224 px; a batch in memory takes the same again.
ARRAYS = Kind("", 4 * GIB, "save fewer images at a time, or give a folder", SettingsError)
# A page of facts about one file.
MANIFEST = Kind("manifest", 16 * MIB, "export the file again, or delete its manifest", TargetError)
# Labels and preprocessing inside a network's file.
MOST_TEXT_BYTES = 64 * MIB


def manifest_path(path: Path) -> Path:
    """The path of a file's manifest."""
    return path.with_name(path.name + ".manifest.json")


def card_path(path: Path) -> Path:
    """The path of a file's model card."""
    return path.with_name(path.name + ".md")


def paths_beside(path: Path) -> tuple[Path, Path]:
    """The paths of what is written beside every file: its manifest and its model card."""
    return manifest_path(path), card_path(path)


def check_file(path: Path, kind: Kind) -> None:
    """Raises the kind's error unless it is a non-empty regular file of acceptable size."""
    if (problem := file_problem(path, kind)) is not None:
        raise kind.error(f"{kind.called(path)} {problem}")


def file_problem(path: Path, kind: Kind) -> str | None:
    """What is wrong with a file before it is opened, and the next step; None if nothing is."""
    try:
        if (problem := _odd(os.stat(path), kind)) is not None:  # noqa: PTH116 - Path's hides some errors
            return problem
        path.open("rb").close()
    except FileNotFoundError:
        return "does not exist: check the path"
    except (OSError, ValueError) as error:
        return f"cannot be read ({_reason(error)}): check the path and its permissions"
    return None


def _odd(found: os.stat_result, kind: Kind) -> str | None:
    if stat.S_ISDIR(found.st_mode):
        return f"is a folder, not a file: {kind.remedy}"
    if not stat.S_ISREG(found.st_mode):
        odd = _ODD_FILES.get(stat.S_IFMT(found.st_mode), "something else")
        return f"is {odd}, not a file: save its content to a file, and give that"
    return _size_problem(found.st_size, kind)


def bytes_problem(content: bytes, kind: Kind) -> str | None:
    """What is wrong with a file's content before it is read, and the next step; None if nothing is."""
    return _size_problem(len(content), kind)


def _size_problem(size_bytes: int, kind: Kind) -> str | None:
    if not size_bytes:
        return "is empty (0 bytes): copy or download it again"
    if size_bytes > kind.most_bytes:
        return (
            f"has {size_bytes:,} bytes, more than the {kind.most_bytes:,} that such a file may have: "
            f"{kind.remedy}"
        )
    return None


def read_bytes(path: Path, kind: Kind) -> bytes:
    """The content of a file. Raises the kind's error as check_file does, or if reading fails."""
    check_file(path, kind)
    try:
        return path.read_bytes()
    except OSError as error:
        raise kind.error(f"{kind.called(path)} cannot be read ({_reason(error)}): copy it again") from error


def read_text(path: Path, kind: Kind) -> str:
    """The text of a UTF-8 file, without byte order mark. Raises the kind's error on anything else."""
    try:
        return read_bytes(path, kind).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise kind.error(f"{kind.called(path)} cannot be read ({error}): {kind.remedy}") from error


def read_json(path: Path, kind: Kind) -> object:
    """The value in a JSON file. Raises the kind's error on anything else."""
    text = read_text(path, kind)
    try:
        return parse_json(text)
    except ValueError as error:
        raise kind.error(f"{kind.called(path)} cannot be read ({error}): {kind.remedy}") from error


def parse_json(text: str) -> object:
    """Parses a JSON text.

    Raises ValueError on invalid JSON, and on content that breaks its users: deep nesting, whole numbers
    beyond 64 bits, lone surrogates.
    """
    try:
        value: object = json.loads(text, parse_int=_whole)
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("its lists and objects are nested too deep") from None
    except UnicodeEncodeError as error:
        raise ValueError("it holds a lone surrogate") from error
    return value


def _whole(digits: str) -> int:
    length = len(digits.lstrip("-"))
    if length > _MOST_DIGITS or not -_MOST_WHOLE <= int(digits) < _MOST_WHOLE:
        raise ValueError(f"it holds a whole number of {length} digits")
    return int(digits)


def check_archive(path: Path, kind: Kind) -> None:
    """Raises the kind's error on a zip archive that unpacks to more than the kind may hold, or is encrypted.

    Readers handle files that are not archives, or damaged.
    """
    with suppress(OSError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile):
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
        problem = archive_problem(parts, kind.most_bytes)
        if problem is not None:
            raise kind.error(f"{kind.called(path)} {problem}: {kind.remedy}")


def archive_problem(parts: list[zipfile.ZipInfo], most_bytes: int) -> str | None:
    """Why an archive's parts cannot be read; None if they can."""
    unpacked = sum(part.file_size for part in parts)
    if unpacked > most_bytes:
        return f"unpacks to {unpacked:,} bytes, more than the {most_bytes:,} that such a file may have"
    if len(parts) > _MOST_PARTS:
        return f"is an archive of {len(parts):,} parts, more than {_MOST_PARTS:,}"
    encrypted = next((part for part in parts if part.flag_bits & 1), None)
    return None if encrypted is None else f"has an encrypted part, {encrypted.filename!r}"


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def file_sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
