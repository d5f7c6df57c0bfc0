"""Inert replacements for harmless objects beside the weights, so that loading a file runs no code.

`torch.load(weights_only=True)` refuses a file that names anything but tensors and plain containers.
Training scripts leave a few more objects in their checkpoints that are not needed here: NumPy values, the
arguments of the script, paths, dates. Each replacement stands for one such name, accepts any arguments and
does nothing; the real object is never imported or called.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

_NAMES = (
    *("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"),
    *(f"numpy.dtypes.{kind}DType" for kind in ("Bool", "Int32", "Int64", "Float16", "Float32", "Float64")),
    *("argparse.Namespace", "types.SimpleNamespace"),
    *(f"pathlib.{kind}Path" for kind in ("Posix", "Windows", "PurePosix", "PureWindows")),
    *("pathlib._local.PosixPath", "pathlib._local.WindowsPath"),
    *(f"datetime.{kind}" for kind in ("date", "datetime", "timedelta", "timezone")),
    "torch.torch_version.TorchVersion",
)
_DICTS = (
    *(f"lightning.{part}.AttributeDict" for part in ("fabric.utilities.data", "pytorch.utilities.parsing")),
    "lightning_fabric.utilities.data.AttributeDict",
    "pytorch_lightning.utilities.parsing.AttributeDict",
    *("yacs.config.CfgNode", "easydict.EasyDict", "addict.addict.Dict"),
)
"""Dict-like classes of settings that training tools use."""

_NUMBERS = frozenset({"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1"})


class Inert:
    """Replaces an object whose value is not needed."""

    def __new__(cls, *_arguments: object) -> Self:
        return super().__new__(cls)

    def __setstate__(self, _state: object) -> None:
        """Ignores the object's state."""


class PlainDict:
    """Replaces a dict of settings by a plain dict, since torch fills no others."""

    def __new__(cls, *_arguments: object) -> OrderedDict[object, object]:  # type: ignore[misc]  # on purpose
        return OrderedDict()


class NumberKind(Inert):
    """Replaces a NumPy dtype: keeps its code, such as f4, and its byte order."""

    code: object = None
    order: object = "="

    def __init__(self, *arguments: object) -> None:
        self.code = arguments[0] if arguments else None

    def __setstate__(self, state: object) -> None:
        self.order = state[1] if isinstance(state, tuple) and len(state) > 1 else None


class StoredArray(Inert):
    """Replaces a NumPy array: keeps its stored state unread."""

    state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state

    def tensor(self) -> Tensor | None:
        """The array as a tensor; None if it holds no plain numbers or is inconsistent."""
        match self.state:
            case (_, tuple() as shape, NumberKind(code=str(code), order=str(order)), fortran, bytes() as raw):
                if code not in _NUMBERS or order not in {"<", ">", "=", "|"}:
                    return None
            case _:
                return None
        try:
            flat = np.frombuffer(raw, np.dtype(order + code)).astype(np.dtype(code))
            return torch.from_numpy(flat.reshape(shape, order="F" if fortran else "C").copy(order="C"))
        except (TypeError, ValueError):
            return None


@contextmanager
def harmless_objects_allowed() -> Iterator[None]:
    """Within this context, torch.load replaces these objects."""
    stand_ins: list[Any] = [_named(name, Inert) for name in _NAMES]
    stand_ins += [_named(name, PlainDict) for name in _DICTS]
    stand_ins += [_named("numpy.dtype", NumberKind), _named("numpy.ndarray", StoredArray)]
    stand_ins += [_named(f"numpy.{core}.multiarray._reconstruct", StoredArray) for core in ("core", "_core")]
    with torch.serialization.safe_globals(stand_ins):
        yield


def _named(full_name: str, kind: type) -> type:
    """A replacement under the object's module and name, by which torch recognizes it."""
    module, _, name = full_name.rpartition(".")
    return type(name, (kind,), {"__module__": module})
