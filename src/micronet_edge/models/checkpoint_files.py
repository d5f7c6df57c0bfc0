"""Reads the content of a checkpoint file of either container without running code in it.

It recognizes files of other kinds by their first bytes or by the names in their archive, and the error
names the kind.
"""

import pickle
import pickletools
import re
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from micronet_edge.errors import CheckpointError
from micronet_edge.models.inert_objects import harmless_objects_allowed
from micronet_edge.util.user_files import CHECKPOINT, check_archive, check_file

_HEAD_BYTES = 512
_ONNX_AND_TFLITE = (
    "give the PyTorch checkpoint it was made from; `count`, `bench` and `evaluate` take such files directly"
)
_SAVE_STATE = "open it where it was made and save the network's state_dict() with torch.save or safetensors"


def read_file(path: Path) -> tuple[object, dict[str, str]]:
    """Reads a safetensors or torch.save file: its content and, for safetensors, its metadata.

    Raises CheckpointError on a file that is missing, damaged, or of another kind.
    """
    head = _head(path)
    if head[8:9] == b"{":
        return _read_safetensors(path)
    if (found := _kind_by_head(path, head)) is not None:
        raise CheckpointError(f"{path} is {found[0]}, not a checkpoint: {found[1]}")
    return _read_torch(path), {}


def _head(path: Path) -> bytes:
    check_file(path, CHECKPOINT)
    check_archive(path, CHECKPOINT)
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


# --- Files of other kinds

_KINDS: tuple[tuple[Callable[[bytes], bool], str, str], ...] = (
    (lambda head: head[4:8] == b"TFL3", "a TFLite file", _ONNX_AND_TFLITE),
    (lambda head: head.startswith(b"\x89HDF"), "an HDF5 file, as Keras writes", _SAVE_STATE),
    (lambda head: head.startswith(b"GGUF"), "a GGUF file", _SAVE_STATE),
    (lambda head: head.startswith(b"\x93NUMPY"), "a NumPy array", _SAVE_STATE),
    (
        lambda head: head.startswith(b"version https://git-lfs"),
        "a Git LFS pointer instead of the file",
        "fetch the file itself with `git lfs pull`",
    ),
    (
        lambda head: head.lstrip()[:9].lower() in {b"<!doctype", b"<html>\n", b"<html lan", b"<?xml ver"},
        "a web page",
        "download the file itself, from its direct link",
    ),
    (
        lambda head: head.startswith(
            (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf", b"\x28\xb5\x2f\xfd")
        ),
        "a compressed archive",
        "unpack it, and give the checkpoint in it",
    ),
)
_ARCHIVES: tuple[tuple[str, str, str], ...] = (
    (
        r"^[^/]+/(constants\.pkl$|code/)",
        "a TorchScript archive with a program",
        _SAVE_STATE + ": torch.save(torch.jit.load(FILE).state_dict(), NEW)",
    ),
    (
        r"(^|/)(serialized_exported_program\.json|archive_format|models/model\.json)$",
        "a program by torch.export",
        _SAVE_STATE + ": torch.save(torch.export.load(FILE).state_dict, NEW)",
    ),
    (r"\.npy$", "an archive of NumPy arrays", _SAVE_STATE),
    (r"(^|/)model\.weights\.h5$", "a Keras file", _SAVE_STATE),
    (
        r"\.(pth|pt|ckpt|safetensors|tar)$",
        "a zip archive of files",
        "unpack it, and give the checkpoint in it",
    ),
)


def _kind_by_head(path: Path, head: bytes) -> tuple[str, str] | None:
    """The kind of the file and the advice; None if torch.load may read it."""
    for matches, kind, advice in _KINDS:
        if matches(head):
            return kind, advice
    if _is_onnx(path, head):
        return "an ONNX file", _ONNX_AND_TFLITE
    if head.startswith(b"PK"):
        names = _archive_names(path)
        for pattern, kind, advice in _ARCHIVES:
            if any(re.search(pattern, name) for name in names):
                return kind, advice
    return None


def _is_onnx(path: Path, head: bytes) -> bool:
    """Recognizes ONNX, which has no magic number, by its first fields: version, producer, opsets or graph."""
    fields = {0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42}
    return head[0] == 0x08 and (path.suffix.lower() == ".onnx" or (len(head) > 2 and head[2] in fields))  # noqa: PLR2004


def _archive_names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []


# --- Checkpoints


def _read_safetensors(path: Path) -> tuple[object, dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is a damaged safetensors file ({error}): copy or download it again"
        ) from error


def _read_torch(path: Path) -> object:
    try:
        with warnings.catch_warnings(), harmless_objects_allowed():
            warnings.simplefilter("ignore")  # torch warns about files that are refused below
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        refused = re.search(r"GLOBAL ([\w.]+)", str(error))
        if refused is None:
            raise _unreadable(path) from error
        raise CheckpointError(_objects(path, refused[1])) from error
    except Exception as error:  # torch raises different types, depending on the damage
        raise _unreadable(path) from error


def _objects(path: Path, name: str) -> str:
    if _root(path) == name:
        return (
            f"{path} is a pickled object ({name}), not its weights; none of its code was run: load it "
            "where its class is available and save only the network's state_dict()"
        )
    return (
        f"{path} holds Python code or objects ({name}) beside tensors; none of it was run: "
        "save only the network's state_dict() and give that file"
    )


def _root(path: Path) -> str | None:
    """The class of the single object in a torch file, read from its pickle without running it."""
    try:
        with zipfile.ZipFile(path) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
            with archive.open(name) as content:
                for operation, argument, _ in pickletools.genops(content):
                    if operation.name != "PROTO":
                        return str(argument).replace(" ", ".") if operation.name == "GLOBAL" else None
    except Exception:  # noqa: BLE001 - a damaged archive or pickle; the caller has a message for it
        return None
    return None


def _unreadable(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path} is not a checkpoint, or is truncated ({path.stat().st_size:,} bytes): expected "
        "safetensors or a file written by torch.save; copy or download it again"
    )
