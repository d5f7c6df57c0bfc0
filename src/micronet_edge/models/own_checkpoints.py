"""Checkpoints of a user's networks: weights, metadata, and the name of the function that builds the network.

The name is only shown. No file chooses the code that runs: the function is called if the user names it, on
the command line or in `load`. Its keyword arguments come from the file, so they are plain values: numbers,
words and lists of them, no paths, commands or addresses.
"""

import json
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.errors import CheckpointError, SettingsError, TargetError
from micronet_edge.util.text import listed
from micronet_edge.util.user_files import parse_json

KEY = "micronet_edge_network"
_FORMAT = "micronet-edge-network/1"

_NAME = re.compile(r"(?P<place>[^:\n]+\.py|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):[A-Za-z_]\w*")
_LONGEST_NAME = 200
_NOT_YOURS = frozenset({*sys.stdlib_module_names, "torch"})
"""Modules with functions that do more than build a network."""
_WORD = re.compile(r"[\w.+-]{0,64}")
_DEEPEST = 4

Argument = bool | int | float | str | list["Argument"] | None


@dataclass(frozen=True, slots=True)
class OwnCheckpoint:
    """What a checkpoint says beside its weights.

    `factory` is the function that builds the network, None if it is not stated; `arguments` are its keyword
    arguments.
    """

    metadata: FileMetadata
    factory: str | None
    arguments: Mapping[str, Argument]

    @property
    def call(self) -> str:
        """The function's call, for messages."""
        given = ", ".join(f"{name}={json.dumps(value)}" for name, value in self.arguments.items())
        return f"{self.factory}({given})"

    def to_texts(self) -> dict[str, str]:
        """As metadata of a safetensors file. Raises SettingsError as FileMetadata does."""
        description = {
            "format": _FORMAT,
            "factory": self.factory,
            "arguments": dict(self.arguments),
            "metadata": self.metadata.to_texts(),
        }
        # One key holds all: safetensors writes several keys in random order.
        return {KEY: json.dumps(description)}


def read_own(path: Path, texts: Mapping[str, str]) -> OwnCheckpoint | None:
    """Reads what `to_texts` wrote; None for a checkpoint of another kind.

    Raises CheckpointError on a damaged description, and on a function or arguments that cannot be right.
    """
    if KEY not in texts:
        return None
    try:
        found = _description(texts[KEY])
        metadata = FileMetadata.from_texts(found["metadata"], str(path))
        if metadata.labels == ("",):  # how no labels read as text
            metadata = replace(metadata, labels=())
        factory, arguments = found["factory"], found["arguments"]
        check_call(factory, arguments)
    except (ValueError, KeyError, TypeError, AttributeError, TargetError, SettingsError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(
            f"{path}: what it says of its network cannot be read ({reason}): save it again"
        ) from error
    return OwnCheckpoint(metadata, factory, arguments)


def _description(text: str) -> dict[str, Any]:
    found: Any = parse_json(text)
    if found["format"] != _FORMAT:
        raise ValueError(f"format {found['format']!r} is unknown")
    description: dict[str, Any] = found
    return description


def check_call(factory: object, arguments: object) -> None:
    """Raises SettingsError on a function or on keyword arguments that a checkpoint cannot name."""
    if factory is not None:
        found = _NAME.fullmatch(factory) if isinstance(factory, str) else None
        if found is None or len(found[0]) > _LONGEST_NAME or not found[0].isprintable():
            raise SettingsError(
                f"factory {str(factory)[:_LONGEST_NAME]!r}: give package.module:name or file.py:name"
            )
        if found["place"].split(".")[0] in _NOT_YOURS and not found["place"].endswith(".py"):
            raise SettingsError(f"factory {factory!r} is no function of yours: name one in your own module")
    if not isinstance(arguments, Mapping) or (arguments and factory is None):
        raise SettingsError("arguments are keyword arguments of a factory: give a dict, and the factory")
    wrong = [name for name, value in arguments.items() if not (_is_name(name) and _is_plain(value, 0))]
    if wrong:
        raise SettingsError(
            f"arguments {listed(wrong)}: a checkpoint keeps numbers, words of letters, digits and ._+- and "
            "lists of them: let the factory take such values"
        )


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier()


def _is_plain(value: object, depth: int) -> bool:
    if isinstance(value, list | tuple):
        return depth < _DEEPEST and all(_is_plain(each, depth + 1) for each in value)
    if isinstance(value, str):
        return _WORD.fullmatch(value) is not None
    return value is None or isinstance(value, bool | int | float)


def how_to_open(path: Path, stored: OwnCheckpoint) -> str:
    """Why a checkpoint cannot be opened by its path alone, and the exact way to open it."""
    if stored.factory is None:
        return (
            f"{path} holds weights of a user's network and does not name the function that builds it: give "
            f"package.module:name or file.py:name with --weights {shlex.quote(str(path))}"
        )
    factory, weights = shlex.quote(stored.factory), shlex.quote(str(path))
    return (
        f"{path} holds the weights of {stored.call}, and no checkpoint chooses the code that runs: if you "
        f"trust that function, give {factory} --weights {weights} instead; in Python, "
        f"micronet_edge.load(path, factory={stored.factory!r})"
    )
