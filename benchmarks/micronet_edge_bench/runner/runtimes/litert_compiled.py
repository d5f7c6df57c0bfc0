"""TFLite files in LiteRT's compiled model, the successor of its interpreter, on the CPU.

It takes no delegate, so the fused kernels never run here: XNNPACK and LiteRT's own kernels do. LiteRT 2.3
does not verify the file and crashes on one that was cut short; the host opens every file in the interpreter
first.
"""

from __future__ import annotations

import importlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from micronet_edge_bench.runner.runtimes import litert
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

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

    from micronet_edge_bench.runner.runtimes.protocol import Facts, Profile

NAME = "LiteRT CompiledModel"
SUFFIXES = litert.SUFFIXES

_FIRST = 0
"""The signature that is measured."""


def version() -> str:
    """The version of LiteRT.

    Raises RuntimeUnusableError, with what to install, if it is missing or has no compiled model.
    """
    _library()
    return litert.version()


def open(path: str | Path, threads: int, kernels: Path | None = None) -> CompiledModelSession:  # noqa: A001 - the protocol's name
    """Compiles the file for the CPU; no `kernels` can run in it.

    Raises RuntimeUnusableError if the runtime is missing or the file cannot be measured.
    """
    del kernels
    return CompiledModelSession(Path(path), threads)


def profile(
    path: str | Path,
    threads: int,
    array: NDArray[np.generic],
    rounds: int,
    kernels: Path | None = None,
) -> Profile:
    """The time of each operator, by LiteRT's own profiler, which is one of compiled models.

    Raises RuntimeUnusableError if the file cannot be measured or the profiler is missing.
    """
    session = open(path, threads, kernels)
    session.set_input(array)
    with profiled_model(Path(path), threads, array) as model:
        whole, inferences = in_turns(session.infer, model.run_profiled, rounds)
    nodes = litert.open(path, threads).nodes()  # XNNPACK gets the same operators from both
    method, operators = operator_times(nodes, inferences)
    return {"method": method, "rounds": rounds, "whole_ns": whole, "operators": operators}


class CompiledModelSession:
    """A compiled TFLite file with its buffers."""

    def __init__(self, path: Path, threads: int) -> None:
        library = _library()
        check_readable(path)
        self._path = path
        try:
            options = library.Options(
                hardware_accelerators=library.HardwareAccelerator.CPU,
                cpu_options=library.CpuOptions(num_threads=threads),
            )
            self._model = library.CompiledModel.from_file(str(path), options=options)
            self._key = str(self._model.get_signature_by_index(_FIRST)["key"])
            self._inputs = self._model.create_input_buffers(_FIRST)
            self._outputs = self._model.create_output_buffers(_FIRST)
        except (ValueError, RuntimeError) as error:
            raise RuntimeUnusableError(
                f"{path} cannot be opened by {NAME} ({one_line(error)}): copy or export it again"
            ) from error
        signature = self._model.get_signature_list()[self._key]
        given = self._model.get_input_tensor_details(self._key)
        self._kinds = [self._kind("input", given[name]) for name in signature["inputs"]]
        made = self._model.get_output_tensor_details(self._key)
        self._made = [self._kind("output", made[name]) for name in signature["outputs"]]
        (self.input_shape, self.input_dtype), others = first_input(path, self._kinds)
        for buffer, (shape, dtype) in zip(self._inputs[1:], others):
            buffer.write(random_array(shape, dtype))
        self.infer = partial(self._model.run_by_index, _FIRST, self._inputs, self._outputs)

    def set_input(self, array: NDArray[np.generic]) -> None:
        check_array(self._path, array, self.input_shape, self.input_dtype)
        self._inputs[0].write(np.ascontiguousarray(array))

    def outputs(self) -> tuple[NDArray[np.generic], ...]:
        return tuple(
            buffer.read(int(np.prod(shape)), dtype.type).reshape(shape)
            for buffer, (shape, dtype) in zip(self._outputs, self._made)
        )

    def facts(self) -> Facts:
        """XNNPACK is what runs it; how much of it, only the interpreter tells."""
        return {**litert.open(self._path, 1).facts(), "delegate": XNNPACK, "fused": 0}

    def _kind(self, kind: str, tensor: dict[str, Any]) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
        shape = fixed_shape(self._path, kind, tensor["shape"])
        return shape, known_dtype(self._path, kind, str(tensor["dtype"]))


def _library() -> ModuleType:
    try:
        library = importlib.import_module("ai_edge_litert.compiled_model")
    except ImportError as error:
        why = one_line(error)
    else:
        if hasattr(library, "Options"):
            return library
        why = "this ai-edge-litert is too old to set its threads"
    raise RuntimeUnusableError(
        f"{NAME} is not installed ({why}): python3 -m pip install --upgrade ai-edge-litert numpy, or leave "
        "--runtime litert-compiled out"
    )
