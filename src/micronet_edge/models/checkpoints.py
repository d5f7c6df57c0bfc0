"""Loads trained weights from our files (safetensors) and the authors' (torch.save) without running code.

The names and shapes of the tensors identify the variant and the number of classes, in any container and
naming.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from micronet_edge.data.preprocessing import Preprocessing
from micronet_edge.errors import CheckpointError, NetworkError, SettingsError
from micronet_edge.models.checked_tensors import checked
from micronet_edge.models.checkpoint_files import read_file
from micronet_edge.models.differences import COUNTER, identify, misfit
from micronet_edge.models.family import find_variant
from micronet_edge.models.micronet import MicroNet
from micronet_edge.models.own_checkpoints import how_to_open, read_own
from micronet_edge.models.soundness import check_sound
from micronet_edge.models.weight_sets import choose_weights
from micronet_edge.models.wrappings import Weights
from micronet_edge.util.output_files import write_bytes
from micronet_edge.util.text import plural
from micronet_edge.util.user_files import file_sha256, parse_json

FORMAT = "micronet-edge/1"
DESCRIPTION_KEY = "micronet_edge"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A network in inference mode with the metadata of its file.

    `weights` is the set that was loaded, averaged (ema) or raw, if the file holds both. `notes` say what was
    loaded and how tensor names were changed.
    """

    network: MicroNet
    labels: tuple[str, ...] | None
    preprocessing: Preprocessing | None
    sha256: str
    path: Path
    weights: Weights | None = None
    notes: tuple[str, ...] = ()

    @property
    def variant(self) -> str:
        return self.network.variant.name

    @property
    def num_classes(self) -> int:
        return self.network.num_classes


def load_checkpoint(
    path: Path | str,
    *,
    variant: str | None = None,
    num_classes: int | None = None,
    weights: Weights | None = None,
) -> Checkpoint:
    """Loads a checkpoint of either kind and checks it; no code inside the file runs.

    Given    the expected variant and number of classes, if known; the `weights` to load if it holds both
             averaged (ema) and raw ones; the default is averaged
    Raises   CheckpointError on a file that is missing, damaged, not a MicroNet, not the expected one, or
             with unusable weights.
    """
    path = Path(path)
    content, metadata = read_file(path)
    if (stored := read_own(path, metadata)) is not None:
        raise CheckpointError(how_to_open(path, stored))
    chosen, kind, notes = choose_weights(path, content, weights)
    found, classes = identify(path, chosen.tensors)
    tensors = {name: checked(path, name, value) for name, value in chosen.tensors.items()}
    if variant is not None and find_variant(variant).name != found:
        raise CheckpointError(
            f"{path} holds {found}, not {variant}: leave the variant out or give the {variant} checkpoint"
        )
    if num_classes is not None and num_classes != classes:
        raise CheckpointError(
            f"{path} holds {classes} classes, not {num_classes}: leave --num-classes out "
            "or give the checkpoint trained for them"
        )
    network = MicroNet(found, classes).eval()
    network.load_state_dict({**_zero_counters(network), **tensors})
    check_sound(path, network)
    labels, preprocessing = _read_metadata(path, metadata, found, classes)
    return Checkpoint(network, labels, preprocessing, file_sha256(path), path, kind, notes)


def save_checkpoint(
    network: MicroNet,
    path: Path | str,
    *,
    preprocessing: Preprocessing,
    labels: tuple[str, ...],
    training: Mapping[str, object] | None = None,
) -> None:
    """Writes our own format: safetensors with variant, classes, labels and preprocessing inside.

    `training` says how the network was trained, in values that JSON has. The same network gives the same
    bytes. An interrupted or killed save leaves the previous file. Raises SettingsError unless there is one
    label per class, NetworkError on a network with other layers than its variant's, OutputError if the file
    cannot be written.
    """
    content = checkpoint_bytes(network, preprocessing=preprocessing, labels=labels, training=training)
    write_bytes(content, Path(path), overwrite=True)


def checkpoint_bytes(
    network: MicroNet,
    *,
    preprocessing: Preprocessing,
    labels: tuple[str, ...],
    training: Mapping[str, object] | None = None,
) -> bytes:
    """The content of the file that `save_checkpoint` writes, which Raises likewise."""
    if len(labels) != network.num_classes:
        raise SettingsError(
            f"{plural(len(labels), 'label')} for {plural(network.num_classes, 'class', 'classes')}: "
            "give one for each class"
        )
    if (difference := _difference(network)) is not None:
        classes = plural(network.num_classes, "class", "classes")
        raise NetworkError(
            f"this network is no {network.variant.name} of {classes}: {difference}: save it with "
            "micronet_edge.save and the function that builds it"
        )
    description: dict[str, object] = {
        "format": FORMAT,
        "variant": network.variant.name,
        "num_classes": network.num_classes,
        "input_size": preprocessing.size,
        "labels": labels,
        "preprocessing": preprocessing.to_dict(),
    }
    if training is not None:
        description["training"] = dict(training)
    tensors = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    # One key holds all: safetensors writes several keys in random order.
    return save(tensors, {DESCRIPTION_KEY: json.dumps(description)})


def fits_its_variant(network: MicroNet) -> bool:
    """Whether the network still has the layers that its variant and its number of classes say."""
    return _difference(network) is None


def _difference(network: MicroNet) -> str | None:
    with torch.device("meta"):
        expected = MicroNet(network.variant, network.num_classes).state_dict()
    return misfit(expected, network.state_dict())


def _zero_counters(network: MicroNet) -> dict[str, Tensor]:
    """Batch norm's step counters, which old checkpoints lack and inference does not read."""
    return {name: value for name, value in network.state_dict().items() if name.endswith(COUNTER)}


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
