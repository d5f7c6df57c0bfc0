"""TFLite files in LiteRT with XNNPACK, from any of its packages."""

from __future__ import annotations

import ctypes
import importlib
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micronet_edge_bench.runner.runtimes.checks import (
    check_array,
    check_readable,
    first_input,
    fixed_shape,
    known_dtype,
    random_array,
)
from micronet_edge_bench.runner.runtimes.errors import RuntimeUnusableError, one_line
from micronet_edge_bench.runner.runtimes.litert_profile import XNNPACK, operator_times
from micronet_edge_bench.runner.runtimes.litert_profiler import profiled_model
from micronet_edge_bench.runner.runtimes.profiled_rounds import in_turns
from micronet_edge_bench.runner.runtimes.tflite_nodes import DELEGATE, TfliteNode, delegated, read_nodes

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

    from micronet_edge_bench.runner.runtimes.protocol import Facts, Profile

NAME = "LiteRT"
SUFFIXES = (".tflite",)

_PACKAGES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow.lite.python.interpreter")


def version() -> str:
    """The version of LiteRT; for TFLite, with the package's name.

    Raises RuntimeUnusableError, with what to install, if it is missing.
    """
    package = _library().__name__.partition(".")[0]
    distribution = package.replace("_", "-")
    try:
        found = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        found = str(getattr(importlib.import_module(package), "__version__", "unknown"))
    return found if package.startswith("ai_edge_litert") else f"{found} ({distribution})"


def open(path: str | Path, threads: int, kernels: Path | None = None) -> LiteRtSession:  # noqa: A001 - the protocol's name
    """Opens the file in LiteRT's interpreter.

    Raises RuntimeUnusableError if the runtime is missing or the file cannot be measured.
    """
    return LiteRtSession(Path(path), threads, kernels)


def profile(
    path: str | Path,
    threads: int,
    array: NDArray[np.generic],
    rounds: int,
    kernels: Path | None = None,
) -> Profile:
    """The time of each operator, by LiteRT's own profiler.

    Raises RuntimeUnusableError if the file cannot be measured, the profiler is missing, or the fused kernels
    would run, since the profiler's interface takes no delegate.
    """
    if kernels is not None and LiteRtSession(Path(path), threads, kernels).facts()["fused"]:
        raise RuntimeUnusableError(
            f"{NAME}'s profiler does not support the fused kernels: give --kernels off"
        )
    session = LiteRtSession(Path(path), threads)
    session.set_input(array)
    with profiled_model(Path(path), threads, array) as model:
        whole, inferences = in_turns(session.infer, model.run_profiled, rounds)
    method, operators = operator_times(session.nodes(), inferences)
    return {"method": method, "rounds": rounds, "whole_ns": whole, "operators": operators}


class LiteRtSession:
    """An open TFLite file."""

    def __init__(self, path: Path, threads: int, kernels: Path | None = None) -> None:
        library = _library()
        check_readable(path)
        self._kernels = kernels
        try:
            self._delegate = None if kernels is None else library.load_delegate(str(kernels))
            given_delegates = None if self._delegate is None else [self._delegate]
            interpreter = library.Interpreter(
                str(path), num_threads=threads, experimental_delegates=given_delegates
            )
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise RuntimeUnusableError(
                f"{path} cannot be opened by {NAME} ({one_line(error)}): copy or export it again"
            ) from error
        given, others = first_input(path, interpreter.get_input_details())
        made = interpreter.get_output_details()
        self.input_shape = fixed_shape(path, "input", _signature(given))
        self.input_dtype = known_dtype(path, "input", np.dtype(given["dtype"]).name)
        for each in made:
            known_dtype(path, "output", np.dtype(each["dtype"]).name)
        self._path, self._interpreter = path, interpreter
        for each in others:
            shape = fixed_shape(path, "input", _signature(each))
            dtype = known_dtype(path, "input", np.dtype(each["dtype"]).name)
            interpreter.set_tensor(int(each["index"]), random_array(shape, dtype))
        self._input, self._outputs = int(given["index"]), [int(each["index"]) for each in made]
        self.infer = interpreter.invoke

    def set_input(self, array: NDArray[np.generic]) -> None:
        check_array(self._path, array, self.input_shape, self.input_dtype)
        # LiteRT never reuses the memory of an input, so one call is enough.
        self._interpreter.set_tensor(self._input, np.ascontiguousarray(array))

    def outputs(self) -> tuple[NDArray[np.generic], ...]:
        return tuple(self._interpreter.get_tensor(each) for each in self._outputs)

    def nodes(self) -> list[TfliteNode]:
        return read_nodes(self._interpreter)

    def facts(self) -> Facts:
        nodes = self.nodes()
        pieces = [node for node in nodes if node.operator == DELEGATE]
        partitions = pieces[self._reported("micronet_edge_fused_parts") :]  # our own delegate is the first
        return {
            "delegate": XNNPACK if partitions else None,
            "nodes": len(nodes) - len(pieces),
            "delegated_nodes": sum(len(delegated(nodes, partition)) for partition in partitions),
            "partitions": len(partitions),
            "fused": self._reported("micronet_edge_fused_activations"),
        }

    def _reported(self, question: str) -> int:
        """A count reported by our own delegate; 0 without it."""
        if self._delegate is None:
            return 0
        function = getattr(ctypes.CDLL(str(self._kernels)), question)
        function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_int32
        # The interpreter gets a delegate's pointer in the same way.
        return int(function(self._delegate._get_native_delegate_pointer()))  # noqa: SLF001


def _library() -> ModuleType:
    for package in _PACKAGES:
        try:
            return importlib.import_module(package)
        except ImportError:  # noqa: PERF203 - three at most
            continue
    raise RuntimeUnusableError(f"{NAME} is not installed: python3 -m pip install ai-edge-litert numpy")


def _signature(tensor: dict[str, Any]) -> list[int]:
    """The shape in the file: -1 for a dynamic dimension, for which the interpreter reports 1."""
    written = list(tensor.get("shape_signature", ()))
    return written or list(tensor["shape"])
