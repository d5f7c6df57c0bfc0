"""Targets whose sessions live in a process of their own, for files that a person gives.

A runtime may die of a damaged file (a flipped bit is enough for LiteRT), and would take us with it. So the
file is opened over there; images and logits go through pipes. Files that we just wrote are opened here.
"""

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from micronet_edge.data.metadata import FileMetadata
from micronet_edge.data.preprocessing import Images
from micronet_edge.data.signature import Samples
from micronet_edge.errors import MicronetEdgeError, TargetError
from micronet_edge.kernels import Kernels
from micronet_edge.targets.isolation import DeathError, IsolatedProcess, process_for
from micronet_edge.targets.readers import find_reader, reader_of
from micronet_edge.targets.session_protocol import FileReader, Logits, Session
from micronet_edge.targets.unchanged import check_unchanged
from micronet_edge.util.journal import settle
from micronet_edge.util.user_files import NETWORK, check_file

if TYPE_CHECKING:
    from micronet_edge.counting.count import Count

Result = TypeVar("Result")

PATIENCE_SECONDS = 120.0
"""For opening and counting, which take a second at most: a damaged file may keep a runtime busy for ever.

Running has no limit: a large network on a slow machine takes what it takes, and Ctrl-C ends it.
"""

_INSTALL = "install it again, pip install 'micronet-edge[onnx,tflite]'"
DAMAGED = "the file is damaged or no network of ours: export it again"


def given_target(path: Path, hint: str = "") -> "IsolatedTarget":
    """What reads a file that a person gives, and cannot be brought down by it.

    Raises TargetError on what is no regular file, is not what its manifest says, or is of no target, which
    the `hint` is added to.
    """
    try:
        reader = reader_of(path)
    except TargetError as error:
        raise TargetError(f"{error}{hint}") from error
    settle(path.parent)  # who asks will read the files beside it as well
    check_file(path, NETWORK)
    check_unchanged(path)
    return IsolatedTarget(reader)


class IsolatedSession:
    """A session in a process of its own. Raises TargetError where that process dies."""

    def __init__(self, path: Path, target: str, threads: int, kernels: Kernels) -> None:
        self._path, self._process = path, process_for(path)
        dropped = self._process.dropped
        closed = tuple(dropped)
        dropped.clear()
        arguments = closed, target, path, threads, kernels
        self._key = asked(Errand(self._process, path, "opening it", PATIENCE_SECONDS), _open, *arguments)
        weakref.finalize(self, dropped.append, self._key)

    def run(self, images: Images) -> Logits:
        logits: Logits = self._ask("run", images)
        return logits

    def outputs(self, *inputs: NDArray[np.float32]) -> Samples:
        outputs: Samples = self._ask("outputs", *inputs)
        return outputs

    def prepared(self, images: Images) -> Callable[[], Logits]:
        self._ask("prepared", images)

        def infer() -> Logits:
            logits: Logits = self._ask("infer")
            return logits

        return infer

    def input_array(self, images: Images) -> NDArray[np.generic]:
        array: NDArray[np.generic] = self._ask("input_array", images)
        return array

    def operators(self) -> Mapping[str, int]:
        operators: Mapping[str, int] = self._ask("operators")
        return operators

    @property
    def fused(self) -> int:
        return int(self._ask("fused"))

    def violations(self, target: str, operators: Mapping[str, int], metadata: FileMetadata) -> list[str]:
        """What the target's rules forbid, as it sees the session over there."""
        arguments = self._key, target, operators, metadata
        return asked(Errand(self._process, self._path, "looking at it"), _violations, *arguments)

    def _ask(self, question: str, *args: object) -> Any:  # noqa: ANN401 - whatever a session answers
        errand = Errand(self._process, self._path, "running it")
        return asked(errand, _ask_session, self._key, question, *args)


class IsolatedTarget:
    """What reads a target's files, but each in a process of its own."""

    def __init__(self, reader: FileReader) -> None:
        self._reader = reader
        self.name, self.suffix = reader.name, reader.suffix

    def open(self, path: Path, threads: int = 1, kernels: Kernels = "auto") -> Session:
        return IsolatedSession(path, self.name, threads, kernels)

    def violations(self, session: Session, operators: Mapping[str, int], metadata: FileMetadata) -> list[str]:
        assert isinstance(session, IsolatedSession)  # as `open` gives it
        return session.violations(self.name, operators, metadata)

    def count(self, path: Path) -> "Count":
        return asked(Errand(process_for(path), path, "reading it", PATIENCE_SECONDS), _count, self.name, path)

    def read_metadata(self, path: Path) -> FileMetadata:
        return self._reader.read_metadata(path)


@dataclass(frozen=True, slots=True)
class Errand:
    """What is done with a file in its process: `doing` says it in words, `within` in how many seconds.

    Errors of the kinds `passed` are passed on as they are.
    """

    process: IsolatedProcess
    path: Path
    doing: str
    within: float | None = None
    passed: tuple[type[Exception], ...] = ()


def asked(errand: Errand, function: Callable[..., Result], *args: object) -> Result:
    """What a function that works on a file gives in the process.

    Raises MicronetEdgeError, and what the errand passes on, as the function does; TargetError where it fails
    otherwise, or the process dies meanwhile.
    """
    path, doing = errand.path, errand.doing
    try:
        if errand.within is None:
            return errand.process.call(function, *args)
        return errand.process.call_within(errand.within, function, *args)
    except DeathError as error:
        raise TargetError(f"{path}: its runtime {error} while {doing}: {DAMAGED}") from error
    except Exception as error:  # a runtime's errors share no base but Exception
        if isinstance(error, (MicronetEdgeError, ModuleNotFoundError, *errand.passed)):
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, ImportError):
            raise TargetError(f"{path}: its runtime cannot be loaded here ({reason}): {_INSTALL}") from error
        raise TargetError(f"{path}: its runtime failed while {doing} ({reason}): {DAMAGED}") from error


# --- Over there


class _Opened:
    """A session over there, and the one inference that it holds prepared."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.infer: Callable[[], Logits] | None = None

    def prepared(self, images: Images) -> None:
        self.infer = self.session.prepared(images)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - all else is the session's own
        return getattr(self.session, name)


_OPENED: dict[int, _Opened] = {}
_KEYS = count()


def _open(closed: tuple[int, ...], target: str, path: Path, threads: int, kernels: Kernels) -> int:
    for key in closed:
        del _OPENED[key]
    key = next(_KEYS)
    _OPENED[key] = _Opened(find_reader(target).open(path, threads, kernels))
    return key


def _ask_session(key: int, question: str, *args: object) -> object:
    found = getattr(_OPENED[key], question)
    return found(*args) if callable(found) else found


def _violations(key: int, target: str, operators: Mapping[str, int], metadata: FileMetadata) -> list[str]:
    from micronet_edge.targets.registry import find_target

    return find_target(target).violations(_OPENED[key].session, operators, metadata)


def _count(target: str, path: Path) -> "Count":
    from micronet_edge.targets.registry import find_target

    return find_target(target).count(path)
