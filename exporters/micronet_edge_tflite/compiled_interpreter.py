"""LiteRT's compiled model behind the methods of its interpreter, as far as a session calls them.

The compiled model is what LiteRT offers to new apps. It names its tensors by a signature and says neither
their scales nor their operators, so an interpreter that computes nothing answers those questions. It also
comes first, since it verifies the file: the compiled model of LiteRT 2.3 crashes on one that was cut short.
"""

import ctypes
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from micronet_edge.errors import TargetError

_DTYPES = (np.float32, np.int8, np.uint8)
"""Those of our files' ends, all of which its buffers hold."""

_FIRST = 0
"""Our files have one signature, and LiteRT makes one for a file without."""

Details = list[dict[str, Any]]


class CompiledInterpreter:
    """A file compiled for the CPU.

    Args:
        path: The file.
        threads: CPU threads that LiteRT uses.

    Raises:
        TargetError: If this LiteRT has no compiled model.
        RuntimeError: If LiteRT cannot compile the file.
        ValueError: If an input or output holds numbers that its buffers do not.
    """

    def __init__(self, path: Path, threads: int) -> None:
        library = compiled_models()
        self._described = Interpreter(
            str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        )
        _check_types(self.get_input_details() + self.get_output_details())
        options = library.Options(
            hardware_accelerators=library.HardwareAccelerator.CPU,
            cpu_options=library.CpuOptions(num_threads=threads),
        )
        self._model = library.CompiledModel.from_file(str(path), environment=_environment(), options=options)
        signature = self._model.get_signature_by_index(_FIRST)
        self._given = self._model.create_input_buffers(_FIRST)
        self._made = self._model.create_output_buffers(_FIRST)
        given = self._model.get_input_tensor_details(signature["key"])
        made = self._model.get_output_tensor_details(signature["key"])
        self._inputs = _by_index(signature["inputs"], given, self._given)
        self._outputs = _by_index(signature["outputs"], made, self._made)
        for (
            each
        ) in self.get_input_details():  # the first write makes LiteRT say things, which are kept quiet here
            self.set_tensor(each["index"], np.zeros(each["shape"], each["dtype"]))
        self._kinds = {each["index"]: each for each in self.get_output_details()}

    def get_input_details(self) -> Details:
        found: Details = self._described.get_input_details()
        return found

    def get_output_details(self) -> Details:
        found: Details = self._described.get_output_details()
        return found

    def get_signature_list(self) -> Mapping[str, object]:
        found: Mapping[str, object] = self._described.get_signature_list()
        return found

    def get_signature_runner(self, name: str) -> Any:  # noqa: ANN401 - the library's own, untyped
        self._described.allocate_tensors()
        return self._described.get_signature_runner(name)

    def set_tensor(self, index: int, values: NDArray[np.generic]) -> None:
        self._inputs[index].write(values)

    def invoke(self) -> None:
        self._model.run_by_index(_FIRST, self._given, self._made)

    def get_tensor(self, index: int) -> NDArray[np.generic]:
        kind = self._kinds[index]
        shape = tuple(map(int, kind["shape"]))
        values: NDArray[np.generic] = self._outputs[index].read(int(np.prod(shape)), kind["dtype"])
        return values.reshape(shape)


def compiled_models() -> ModuleType:
    """LiteRT's module of compiled models.

    Raises TargetError where LiteRT has none whose threads can be set.
    """
    try:
        found = import_module("ai_edge_litert.compiled_model")
    except ImportError as error:
        why = " ".join(str(error).split())
    else:
        if hasattr(found, "Options"):
            return found
        why = "its threads cannot be set"
    raise TargetError(
        f"this ai-edge-litert has no CompiledModel ({why}): pip install --upgrade ai-edge-litert, or use the "
        "interpreter"
    )


@lru_cache(maxsize=1)
def _environment() -> Any:  # noqa: ANN401 - the library's own, untyped
    """One for all models, which looks for no accelerators, since they run on the CPU."""
    library, nowhere = compiled_models(), str(Path(__file__).parent)
    options = library.EnvironmentOptions(
        runtime_path=nowhere, compiler_plugin_path=nowhere, dispatch_library_path=nowhere
    )
    environment = library.Environment.create(options=options)
    # It is kept for good, since it writes notices to standard error when Python ends it.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(environment.capsule))
    return environment


def _by_index(names: Sequence[str], details: Mapping[str, Any], buffers: Sequence[Any]) -> dict[int, Any]:
    """The buffers by their tensors' indices, as the interpreter has them: of one tensor named twice, one."""
    return {details[name]["index"]: buffer for name, buffer in zip(names, buffers, strict=True)}


def _check_types(tensors: Details) -> None:
    for tensor in tensors:
        if tensor["dtype"] not in _DTYPES:
            raise ValueError(f"{tensor['name']} is {np.dtype(tensor['dtype']).name}, which it cannot hold")
