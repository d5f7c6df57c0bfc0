"""Stand-ins for harmless objects that lie beside the weights, so that a file runs no code to make them.

`torch.load(weights_only=True)` refuses a file that names anything but tensors and plain containers. Training
scripts leave a few more things in their checkpoints, whose values nobody needs here: the figures of
NumPy, the arguments of the script, paths, dates. Each stand-in takes the place of one such name. It takes
whatever it is given and does nothing; the thing itself is never imported or called.
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
"""Dicts of settings, as training tools keep them."""

_NUMBERS = frozenset({"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1"})


class Inert:
    """In the place of an object whose value does not matter."""

    def __new__(cls, *_arguments: object) -> Self:
        return super().__new__(cls)

    def __setstate__(self, _state: object) -> None:
        """Forgets what the object was."""


class PlainDict:
    """In the place of a dict of settings: a plain one, since torch fills no others."""

    def __new__(cls, *_arguments: object) -> OrderedDict[object, object]:  # type: ignore[misc]  # on purpose
        return OrderedDict()


class NumberKind(Inert):
    """In the place of a NumPy dtype: its code, such as f4, and its order of bytes."""

    code: object = None
    order: object = "="

    def __init__(self, *arguments: object) -> None:
        self.code = arguments[0] if arguments else None

    def __setstate__(self, state: object) -> None:
        self.order = state[1] if isinstance(state, tuple) and len(state) > 1 else None


class StoredArray(Inert):
    """In the place of a NumPy array: what the file says of it, still unread."""

    state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state

    def tensor(self) -> Tensor | None:
        """The array as a tensor; None for one that holds no plain numbers or contradicts itself."""
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
    """While it lasts, torch.load puts stand-ins where a file names these objects."""
    stand_ins: list[Any] = [_named(name, Inert) for name in _NAMES]
    stand_ins += [_named(name, PlainDict) for name in _DICTS]
    stand_ins += [_named("numpy.dtype", NumberKind), _named("numpy.ndarray", StoredArray)]
    stand_ins += [_named(f"numpy.{core}.multiarray._reconstruct", StoredArray) for core in ("core", "_core")]
    with torch.serialization.safe_globals(stand_ins):
        yield


def _named(full_name: str, kind: type) -> type:
    """A stand-in that torch takes for the object of that name: it goes by module and name alone."""
    module, _, name = full_name.rpartition(".")
    return type(name, (kind,), {"__module__": module})
