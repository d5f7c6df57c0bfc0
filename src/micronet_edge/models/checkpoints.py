"""Trained weights from files: ours (safetensors) and the authors' (torch.save), never running code.

Whatever the container and the naming, a checkpoint is recognised by its tensors: their names and
shapes tell the variant and the number of classes.
"""

import hashlib
import json
import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from micronet_edge.errors import CheckpointError, SettingsError
from micronet_edge.models.authors_names import authors_names
from micronet_edge.models.family import FAMILY, find_variant
from micronet_edge.models.micronet import MicroNet, tensor_shapes
from micronet_edge.pages import write_bytes
from micronet_edge.preprocessing import Preprocessing
from micronet_edge.user_files import CHECKPOINT, check_archive, check_file, parse_json
from micronet_edge.wording import plural

FORMAT = "micronet-edge/1"
DESCRIPTION_KEY = "micronet_edge"
_KEYS_SHOWN = 5
_CLASSES_OF = "classifier.logits.linear.weight"
_COUNTER = "num_batches_tracked"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A network in inference mode with everything that its file said of it."""

    network: MicroNet
    labels: tuple[str, ...] | None
    preprocessing: Preprocessing | None
    sha256: str
    path: Path

    @property
    def variant(self) -> str:
        return self.network.variant.name

    @property
    def num_classes(self) -> int:
        return self.network.num_classes


def load_checkpoint(
    path: Path | str, *, variant: str | None = None, num_classes: int | None = None
) -> Checkpoint:
    """Reads a checkpoint of either kind and checks it against what is expected of it.

    Raises CheckpointError on a file that is missing, damaged, not a MicroNet, or not the one asked
    for; no code inside the file is run.
    """
    path = Path(path)
    tensors, metadata = _read(path)
    tensors = _our_names(tensors)
    found, classes = _identify(path, tensors)
    tensors = {name: _checked(path, name, value) for name, value in tensors.items()}
    if variant is not None and find_variant(variant).name != found:
        raise CheckpointError(
            f"{path} holds {found}, but {variant} was asked for: leave the variant out or give the "
            f"{variant} checkpoint"
        )
    if num_classes is not None and num_classes != classes:
        raise CheckpointError(
            f"{path} holds {classes} classes, but {num_classes} were asked for: leave --num-classes out "
            "or give the checkpoint trained for them"
        )
    network = MicroNet(found, classes).eval()
    network.load_state_dict({**_zero_counters(network), **tensors})
    labels, preprocessing = _read_metadata(path, metadata, found, classes)
    return Checkpoint(network, labels, preprocessing, file_sha256(path), path)


def save_checkpoint(
    network: MicroNet, path: Path | str, *, preprocessing: Preprocessing, labels: tuple[str, ...]
) -> None:
    """Writes our own format: safetensors with variant, classes, labels and preprocessing inside.

    The same network gives the same bytes; a save that is interrupted or killed leaves what was there. Raises
    SettingsError unless there is one label per class, OutputError where nothing can be written.
    """
    if len(labels) != network.num_classes:
        raise SettingsError(
            f"{plural(len(labels), 'label')} for {plural(network.num_classes, 'class', 'classes')}: "
            "give one for each class"
        )
    description = {
        "format": FORMAT,
        "variant": network.variant.name,
        "num_classes": network.num_classes,
        "input_size": preprocessing.size,
        "labels": labels,
        "preprocessing": preprocessing.to_dict(),
    }
    tensors = {name: value.contiguous() for name, value in network.state_dict().items()}
    # One key for all: safetensors writes several in random order.
    write_bytes(save(tensors, {DESCRIPTION_KEY: json.dumps(description)}), Path(path), overwrite=True)


def file_sha256(path: Path) -> str:
    """The file's hash, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    check_file(path, CHECKPOINT)
    check_archive(path, CHECKPOINT)
    with path.open("rb") as file:
        head = file.read(9)
    return _read_safetensors(path) if head[8:] == b"{" else (_read_torch(path), {})


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is a damaged safetensors file ({error}): copy or download it again"
        ) from error


def _read_torch(path: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch wonders at files that are refused below anyway
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        refused = re.search(r"GLOBAL ([\w.]+)", str(error))
        if refused is None:
            raise _unreadable(path) from error
        raise CheckpointError(
            f"{path} holds Python code or objects ({refused[1]}) beside tensors; nothing of it was run: "
            "save the network's state_dict() alone and give that file"
        ) from error
    except Exception as error:  # what torch raises on a damaged file depends on where the damage is
        raise _unreadable(path) from error
    nested = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(nested, Mapping):
        raise CheckpointError(
            f"{path} holds a {type(content).__name__}, not a dict of tensors: save the network's state_dict()"
        )
    tensors = {str(name): value for name, value in nested.items() if isinstance(value, Tensor)}
    if not tensors:
        keys = ", ".join(repr(str(key)) for key in list(nested)[:_KEYS_SHOWN]) or "nothing"
        raise CheckpointError(
            f"{path} holds no tensors where a checkpoint has them, only {keys}: save the network's "
            "state_dict()"
        )
    return tensors


def _unreadable(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path} is no checkpoint, or a truncated one ({path.stat().st_size:,} bytes): expected "
        "safetensors or a file written by torch.save; copy or download it again"
    )


def _our_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    plain = {name.removeprefix("module."): value for name, value in tensors.items()}
    names = {theirs: ours for variant in FAMILY for theirs, ours in authors_names(variant).items()}
    return {names.get(name, name): value for name, value in plain.items()}


def _checked(path: Path, name: str, value: Tensor) -> Tensor:
    """The tensor as the network takes it."""
    plain = value.layout == torch.strided and not value.is_meta
    if name.endswith(_COUNTER) and plain:
        return value
    if not plain or not value.is_floating_point():
        raise CheckpointError(
            f"{path}: tensor {name} is {value.dtype}, {value.layout} on {value.device}: "
            "save the network in floating point, as plain tensors"
        )
    value = value.float()
    if not torch.isfinite(value).all():
        raise CheckpointError(f"{path}: tensor {name} holds NaN or infinity: the training run diverged")
    return value


def _identify(path: Path, tensors: dict[str, Tensor]) -> tuple[str, int]:
    head = tensors.get(_CLASSES_OF)
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    if head is None or head.ndim == 0:
        example = next(iter(tensors), None)
        found = f"{len(tensors)} tensors, the first of them {example!r}" if example else "no tensors"
        raise CheckpointError(f"{path} is no MicroNet: found {found}, expected one of {', '.join(FAMILY)}")
    classes = head.shape[0]
    if classes == 0:
        raise CheckpointError(f"{path} has a classifier of 0 classes: give a trained checkpoint")
    differences = {name: _difference(shapes, name, classes) for name in FAMILY}
    best = min(differences, key=lambda name: len(differences[name]))
    if differences[best]:
        raise CheckpointError(
            f"{path} fits no variant; nearest is {best}, where {differences[best][0]} "
            f"(differences in all: {len(differences[best])}): give an unmodified MicroNet checkpoint"
        )
    return best, classes


def _difference(found: dict[str, tuple[int, ...]], variant: str, classes: int) -> list[str]:
    expected = {
        name: (classes, *shape[1:]) if name.startswith("classifier.logits") and shape else shape
        for name, shape in tensor_shapes(variant).items()
    }
    differences = [
        f"{name} is {'missing' if name not in found else f'of shape {list(found[name])}'}, "
        f"expected shape {list(shape)}"
        for name, shape in expected.items()
        if found.get(name) != shape and not (name not in found and name.endswith(_COUNTER))
    ]
    return differences + [f"{name!r} is unknown" for name in found if name not in expected]


def _zero_counters(network: MicroNet) -> dict[str, Tensor]:
    """Batch norm's step counters: old checkpoints lack them and inference does not read them."""
    return {name: value for name, value in network.state_dict().items() if name.endswith(_COUNTER)}


def _read_metadata(
    path: Path, metadata: dict[str, str], variant: str, classes: int
) -> tuple[tuple[str, ...] | None, Preprocessing | None]:
    if DESCRIPTION_KEY not in metadata:
        return None, None
    try:
        description: Any = parse_json(metadata[DESCRIPTION_KEY])
        labels = _labels(description["labels"])
        preprocessing = Preprocessing.from_dict(description["preprocessing"])
        said = (description["variant"], description["num_classes"], description["input_size"])
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError, SettingsError) as error:
        raise CheckpointError(f"{path}: labels or preprocessing cannot be read: save it again") from error
    if said != (variant, classes, preprocessing.size) or len(labels) != classes:
        raise CheckpointError(
            f"{path} says it holds {said[0]} with {said[1]} classes at {said[2]} px, "
            f"{plural(len(labels), 'label')}; its tensors are {variant} with {classes} classes: save it again"
        )
    return labels, preprocessing


def _labels(stored: object) -> tuple[str, ...]:
    if not isinstance(stored, list):
        raise TypeError(stored)
    return tuple(str(label) for label in stored)
