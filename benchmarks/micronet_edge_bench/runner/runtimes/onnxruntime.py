"""ONNX files in ONNX Runtime, with its CPU provider."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from micronet_edge_bench.runner.plan import LEAST_WARMUP
from micronet_edge_bench.runner.runtimes.checks import (
    check_array,
    check_readable,
    first_input,
    fixed_shape,
    known_dtype,
    random_array,
)
from micronet_edge_bench.runner.runtimes.errors import RuntimeUnusableError, one_line
from micronet_edge_bench.runner.runtimes.onnx_nodes import OnnxNode, read_nodes
from micronet_edge_bench.runner.runtimes.onnxruntime_profile import operator_times, read_trace
from micronet_edge_bench.runner.runtimes.profiled_rounds import in_turns

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

    from micronet_edge_bench.runner.runtimes.protocol import Facts, Profile

NAME = "ONNX Runtime"
SUFFIXES = (".onnx",)

FUSED = "DynamicShiftMax"
"""The prefix of an activation's name in the fused kernels, followed by a number."""

_ERRORS_ONLY = 3
_TYPES = {"float": "float32"}


def version() -> str:
    """The version of ONNX Runtime.

    Raises RuntimeUnusableError, with what to install, if it is missing.
    """
    return str(_library().__version__)


def open(path: str | Path, threads: int, kernels: Path | None = None) -> OnnxSession:  # noqa: A001 - the protocol's name
    """Opens the file in ONNX Runtime.

    Raises RuntimeUnusableError if the runtime is missing or the file cannot be measured.
    """
    return OnnxSession(Path(path), threads, kernels)


def profile(
    path: str | Path,
    threads: int,
    array: NDArray[np.generic],
    rounds: int,
    kernels: Path | None = None,
) -> Profile:
    """The time of each operator, by ONNX Runtime's own profiler.

    Raises RuntimeUnusableError if the file cannot be measured.
    """
    plain = OnnxSession(Path(path), threads, kernels)
    plain.set_input(array)
    with TemporaryDirectory() as folder:
        traced = OnnxSession(Path(path), threads, kernels, options=_tracing(Path(folder) / "trace"))
        traced.set_input(array)

        def twice() -> None:
            traced.infer()
            traced.infer()

        whole, _ = in_turns(plain.infer, twice, rounds)
        # The second inference of each round, as for the whole.
        ran = read_trace(Path(traced.session.end_profiling()), slice(2 * LEAST_WARMUP + 1, None, 2))
    method, operators = operator_times(plain.nodes(), ran)
    return {"method": method, "rounds": rounds, "whole_ns": whole, "operators": operators}


class OnnxSession:
    """An open ONNX file."""

    def __init__(
        self,
        path: Path,
        threads: int,
        kernels: Path | None = None,
        *,
        options: Any = None,  # noqa: ANN401 - untyped
    ) -> None:
        library = _library()
        check_readable(path)
        options = library.SessionOptions() if options is None else options
        options.intra_op_num_threads = threads
        options.log_severity_level = _ERRORS_ONLY
        try:
            if kernels is not None:
                options.register_custom_ops_library(str(kernels))
            self.session = library.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its errors share no base but Exception
            raise RuntimeUnusableError(
                f"{path} cannot be opened by {NAME} ({one_line(error)}): copy or export it again"
            ) from error
        given, others = first_input(path, self.session.get_inputs())
        self.input_shape = fixed_shape(path, "input", given.shape)
        self.input_dtype = known_dtype(path, "input", _dtype_name(given.type))
        for made in self.session.get_outputs():
            known_dtype(path, "output", _dtype_name(made.type))
        self._path, self._name, self._fuses = path, given.name, kernels is not None
        self._feed: dict[str, NDArray[np.generic]] = {
            each.name: random_array(
                fixed_shape(path, "input", each.shape), known_dtype(path, "input", _dtype_name(each.type))
            )
            for each in others
        }
        self._made: list[NDArray[np.generic]] = []

    def set_input(self, array: NDArray[np.generic]) -> None:
        check_array(self._path, array, self.input_shape, self.input_dtype)
        self._feed[self._name] = np.ascontiguousarray(array)

    def infer(self) -> None:
        self._made = self.session.run(None, self._feed)

    def outputs(self) -> tuple[NDArray[np.generic], ...]:
        return tuple(self._made)

    def nodes(self) -> list[OnnxNode]:
        """The operators that run: functions are inlined unless the fused kernels implement them."""
        return read_nodes(self._path, written_out=not self._fuses)

    def facts(self) -> Facts:
        plain = len(read_nodes(self._path, written_out=True))
        fused = sum(node.operator.startswith(FUSED) for node in self.nodes())
        return {"delegate": None, "nodes": plain, "delegated_nodes": 0, "partitions": 0, "fused": fused}


def _tracing(prefix: Path) -> Any:  # noqa: ANN401 - untyped
    """Options of a session that writes a trace to files with that prefix."""
    options = _library().SessionOptions()
    options.enable_profiling = True
    options.profile_file_prefix = str(prefix)
    return options


def _library() -> ModuleType:
    try:
        import onnxruntime
    except ImportError as error:
        raise RuntimeUnusableError(
            f"{NAME} is not installed ({one_line(error)}): python3 -m pip install onnxruntime numpy"
        ) from error
    return onnxruntime  # type: ignore[no-any-return]


def _dtype_name(written: str) -> str:
    """The numpy name of a type such as `tensor(float)`."""
    inner = written[len("tensor(") : -1] if written.startswith("tensor(") else written
    return _TYPES.get(inner, inner)
