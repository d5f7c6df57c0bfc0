"""The protocol of a runtime: a module with these names, and the session that it opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


class Facts(TypedDict):
    """Of `nodes` operators, a delegate runs `delegated_nodes` in `partitions` pieces.

    `fused` activations run in the fused kernels.
    """

    delegate: str | None
    nodes: int
    delegated_nodes: int
    partitions: int
    fused: int


class OperatorTime(TypedDict):
    """The time of one operator of the file.

    `index` is its index in the file, or None for work that belongs to no single operator; `output` is the
    name of its first output.
    """

    index: int | None
    operator: str
    output: str
    median_ns: float
    delegate: str | None


class Profile(TypedDict):
    """The time of every operator, and a sentence about the method.

    `whole_ns` is the median of the whole inference in the same rounds; the rest over the operators' sum is
    the runtime's own.
    """

    method: str
    rounds: int
    whole_ns: float
    operators: list[OperatorTime]


class Session(Protocol):
    """A file, open with a number of threads.

    `infer` is exactly one inference: the input is set before, the outputs are read after.
    """

    @property
    def input_shape(self) -> tuple[int, ...]: ...
    @property
    def input_dtype(self) -> np.dtype[np.generic]: ...
    @property
    def infer(self) -> Callable[[], object]: ...
    def set_input(self, array: NDArray[np.generic]) -> None: ...
    def outputs(self) -> tuple[NDArray[np.generic], ...]: ...
    def facts(self) -> Facts: ...


class Runtime(Protocol):
    """A module that runs files of some suffixes, with or without the library of fused kernels.

    `version`, `open` and `profile` raise RuntimeUnusableError if the runtime is missing (with what to
    install), or the file cannot run or be profiled here.
    """

    @property
    def NAME(self) -> str: ...  # noqa: N802 - a constant of a module
    @property
    def SUFFIXES(self) -> tuple[str, ...]: ...  # noqa: N802
    def version(self) -> str: ...
    def open(self, path: str | Path, threads: int, kernels: Path | None = None) -> Session: ...
    def profile(
        self,
        path: str | Path,
        threads: int,
        array: NDArray[np.generic],
        rounds: int,
        kernels: Path | None = None,
    ) -> Profile: ...
