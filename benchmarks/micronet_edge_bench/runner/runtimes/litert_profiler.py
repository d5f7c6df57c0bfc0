"""LiteRT's own profiler, through the C interface of libLiteRt.so, since there is no Python interface.

Source: google-ai-edge/LiteRT, litert/c/litert_compiled_model.h, litert_profiler.h, litert_profiler_event.h
and litert_opaque_options.h, as of ai-edge-litert 2.3.0, the tested version. In an older LiteRT a call is
missing or fails, and there is no profile.
"""

from __future__ import annotations

import ctypes
import importlib.util
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from micronet_edge_bench.runner.runtimes.errors import RuntimeUnusableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

LIBRARY = "libLiteRt.so"

# LiteRtHwAccelerators, LiteRtTensorBufferLockMode and tflite::Profiler::EventType.
_CPU = 1
_WRITE = 1
_OPERATOR, _DELEGATE_OPERATOR = 2, 8

# An event is {tag, type, start, elapsed, memory before, memory after, metadata 1, metadata 2, source}. The
# size of the memory fields differs between versions, so the size comes from the amount written.
_EVENT_AT_MOST = 512
_UNTOUCHED = 0xA5
_WORD = 8
_TAG, _TYPE, _ELAPSED, _INDEX = 0, 1, 3, -3
_TYPE_MASK = 0xFFFFFFFF
_TENSOR_TYPE_AT_MOST = 512


@dataclass(frozen=True)
class Event:
    """The time of one operator in one inference, in whole microseconds.

    `delegated` operators are XNNPACK's: `name` is XNNPACK's and `index` counts within its piece of the graph.
    Others have the name and index of the file's operator.
    """

    name: str
    index: int
    delegated: bool
    elapsed_us: int


@contextmanager
def profiled_model(path: Path, threads: int, array: NDArray[np.generic]) -> Iterator[ProfiledModel]:
    """Compiles the file with the profiler on and sets its input.

    Raises RuntimeUnusableError if the library is missing, of another version, or cannot run the file.
    """
    with ExitStack() as stack:
        model = ProfiledModel(_load(), stack, path, threads)
        model.give(array)
        yield model


class ProfiledModel:
    """A file compiled with profiling, and its two buffers."""

    def __init__(self, library: ctypes.CDLL, stack: ExitStack, path: Path, threads: int) -> None:
        self._library, self._stack = library, stack
        environment = self._make("Environment", 0, None)
        model = self._make("Model", environment, str(path).encode(), call="ModelFromFile")
        options = self._make("Options")
        self._call("SetOptionsHardwareAccelerators", options, _CPU)
        self._texts: list[ctypes.Array[ctypes.c_char]] = []
        self._add_options(options, b"runtime_options_string", b"enable_profiling = true\n")
        self._add_options(options, b"xnnpack", b"num_threads = %d\n" % threads)
        self._compiled = self._make("CompiledModel", environment, model, options)
        self._profiler = self._get("CompiledModelGetProfiler", self._compiled)
        signature = self._get("GetModelSignature", model, ctypes.c_size_t(0))
        self._input = self._buffer(environment, signature, "Input")
        self._output = self._buffer(environment, signature, "Output")

    def give(self, array: NDArray[np.generic]) -> None:
        content = array.tobytes()
        memory = ctypes.c_void_p()
        self._call("LockTensorBuffer", self._input, ctypes.byref(memory), _WRITE)
        ctypes.memmove(memory, content, len(content))
        self._call("UnlockTensorBuffer", self._input)

    def run(self) -> None:
        one, first = ctypes.c_size_t(1), ctypes.c_size_t(0)
        inputs, outputs = (ctypes.c_void_p * 1)(self._input), (ctypes.c_void_p * 1)(self._output)
        self._call("RunCompiledModel", self._compiled, first, one, inputs, one, outputs)

    def run_profiled(self) -> tuple[Event, ...]:
        """The operators of the second of two inferences, in order of execution."""
        self.run()
        self._call("StartProfiler", self._profiler)
        self.run()
        self._call("StopProfiler", self._profiler)
        count = ctypes.c_int()
        self._call("GetNumProfilerEvents", self._profiler, ctypes.byref(count))
        if count.value < 1:
            raise RuntimeUnusableError(f"the profiler of {LIBRARY} recorded nothing")
        events = ctypes.create_string_buffer(
            bytes([_UNTOUCHED]) * (_EVENT_AT_MOST * count.value), _EVENT_AT_MOST * count.value
        )
        self._call("GetProfilerEvents", self._profiler, count, events)
        return _read(events, count.value)

    def _buffer(self, environment: ctypes.c_void_p, signature: ctypes.c_void_p, side: str) -> ctypes.c_void_p:
        first = ctypes.c_size_t(0)
        tensor = self._get(f"GetSignature{side}TensorByIndex", signature, first)
        kind = ctypes.create_string_buffer(_TENSOR_TYPE_AT_MOST)
        self._call("GetRankedTensorType", tensor, kind)
        wanted = self._get(f"GetCompiledModel{side}BufferRequirements", self._compiled, first, first)
        return self._make(
            "TensorBuffer", environment, kind, wanted, call="ManagedTensorBufferFromRequirements"
        )

    def _add_options(self, options: ctypes.c_void_p, name: bytes, toml: bytes) -> None:
        text = ctypes.create_string_buffer(toml)
        self._texts.append(text)  # LiteRT keeps the pointer, so Python must keep the memory
        added = self._get("CreateOpaqueOptions", name, text, _KEEP)
        self._call("AddOpaqueOptions", options, added)

    def _make(self, kind: str, *arguments: object, call: str = "") -> ctypes.c_void_p:
        """A new LiteRT object, destroyed at the end in reverse order."""
        made = self._get(f"Create{call or kind}", *arguments)
        self._stack.callback(getattr(self._library, f"LiteRtDestroy{kind}"), made)
        return made

    def _get(self, name: str, *arguments: object) -> ctypes.c_void_p:
        found = ctypes.c_void_p()
        self._call(name, *arguments, ctypes.byref(found))
        return found

    def _call(self, name: str, *arguments: object) -> None:
        try:
            function = getattr(self._library, f"LiteRt{name}")
        except AttributeError as error:
            raise RuntimeUnusableError(f"{LIBRARY} has another version: it lacks LiteRt{name}") from error
        status = function(*arguments)
        if status != 0:
            raise RuntimeUnusableError(f"{LIBRARY} failed in LiteRt{name} with status {status}")


_KEEP = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None)


def _load() -> ctypes.CDLL:
    package = importlib.util.find_spec("ai_edge_litert")
    folders = package.submodule_search_locations if package is not None else None
    paths = [Path(folder) / LIBRARY for folder in folders or () if (Path(folder) / LIBRARY).exists()]
    if not paths:
        raise RuntimeUnusableError(f"profiling needs {LIBRARY}: python3 -m pip install ai-edge-litert numpy")
    return ctypes.CDLL(str(paths[0]))


def _read(memory: ctypes.Array[ctypes.c_char], count: int) -> tuple[Event, ...]:
    """The events of operators, without those of the whole inference and its stages."""
    written = len(memory.raw.rstrip(bytes([_UNTOUCHED])))
    words = -(-written // count // _WORD)
    table = (ctypes.c_uint64 * (words * count)).from_buffer(memory)
    rows = [table[start : start + words] for start in range(0, words * count, words)]
    return tuple(
        Event(
            ctypes.string_at(row[_TAG]).decode(),
            row[_INDEX],
            row[_TYPE] & _TYPE_MASK == _DELEGATE_OPERATOR,
            row[_ELAPSED],
        )
        for row in rows
        if row[_TYPE] & _TYPE_MASK in (_OPERATOR, _DELEGATE_OPERATOR)
    )
